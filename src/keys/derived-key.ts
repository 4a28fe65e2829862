import { hkdfSync } from 'node:crypto';

/** A key of 32 bytes for one purpose, from the secret that all are derived from (HKDF, RFC 5869). */
export const derivedKey = (secret: string, purpose: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', secret, '', `gatehouse ${purpose}`, 32));
