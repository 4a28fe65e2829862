/**
 * The bytes, or null for any but their one spelling: Node.js passes over foreign characters and over bits that carry
 * nothing.
 */
export function fromBase64url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}
