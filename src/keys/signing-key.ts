import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

export const ALGORITHM = 'ES256';

/** A P-256 key that signs access tokens. */
export interface SigningKey {
  /** Its thumbprint (RFC 7638), so no id has to be chosen or kept. */
  kid: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
  /** Milliseconds since 1970; 0 for a key that signs as soon as it is there. */
  signsFrom: number;
}

export function signingKey(privateKey: KeyObject, signsFrom = 0): SigningKey {
  const publicKey = createPublicKey(privateKey);
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' });
  // RFC 7638: the thumbprint is over these members in this order.
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
  return { kid, privateKey, publicKey, signsFrom };
}

/** The public half, for services that verify tokens themselves (RFC 7517). */
export const jwkOf = ({ kid, publicKey }: SigningKey): object => ({
  ...publicKey.export({ format: 'jwk' }),
  kid,
  alg: ALGORITHM,
  use: 'sig',
});

/**
 * Null for all that is no P-256 private key in PEM. Never throws: the library's own words may hold parts of the key.
 */
export function privateKeyOf(pem: string): KeyObject | null {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : null;
  } catch {
    return null;
  }
}

export const newPrivateKey = (): string =>
  generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey;
