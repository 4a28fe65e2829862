import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MAKERS = {
  'jwt-private-key.pem': () =>
    generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    }).privateKey,
  'password-pepper': () => randomBytes(32).toString('base64url'),
  'admin-password': () => randomBytes(18).toString('base64url'),
  'postgres-password': () => randomBytes(24).toString('base64url'),
  'redis-password': () => randomBytes(24).toString('base64url'),
  'rabbitmq-password': () => randomBytes(24).toString('base64url'),
};
export type SecretName = keyof typeof MAKERS;
export const SECRET_NAMES = Object.keys(MAKERS) as SecretName[];

/**
 * The secret of this name, from its file in `folder`; made at random where there is none. What is there is never
 * replaced, and of two processes that start together one makes it and both read the same.
 */
export function secretFile(folder: string, name: SecretName, mode = 0o600): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, name);
  try {
    writeFileSync(path, MAKERS[name](), { flag: 'wx', mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(path, 'utf8').trim();
}
