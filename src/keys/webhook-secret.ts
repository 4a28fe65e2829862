/** The bytes of a secret in the form of Standard Webhooks: `whsec_`, and the bytes in base64. */
export const secretBytes = (secret: string): Buffer => Buffer.from(secret.slice('whsec_'.length), 'base64');
