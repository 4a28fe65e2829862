/** The text as it is kept, in NFC and without outer blanks; null if it is none of 1 to `maxLength` characters, or has a `forbidden` one. */
export function plainText(given: unknown, maxLength: number, forbidden: RegExp): string | null {
  if (typeof given !== 'string' || !given.isWellFormed()) return null;
  const text = given.normalize('NFC').trim();
  const length = [...text].length;
  return length < 1 || length > maxLength || forbidden.test(text) ? null : text;
}
