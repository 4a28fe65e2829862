import { randomBytes, randomUUID } from 'node:crypto';
import { chownSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unusableDataDir } from '../process/start-failure.js';

const random = (bytes: number) => () => randomBytes(bytes).toString('base64url');

const MAKERS = {
  'password-pepper': random(32),
  'admin-password': random(18),
  'postgres-password': random(24),
  'redis-password': random(24),
  'rabbitmq-password': random(24),
};
export type SecretName = keyof typeof MAKERS;

/** The secret of this name, from its file in `folder`; made at random where there is none. */
export const secretFile = (folder: string, name: SecretName): string =>
  readOrCreateFile(folder, name, MAKERS[name]).trim();

/** The secret that passwords are mixed with, and other keys derived from; development makes its own. */
export const pepperOf = ({ passwordPepper, dataDir }: { passwordPepper: string | null; dataDir: string }): string =>
  passwordPepper ?? inDataDir(() => secretFile(dataDir, 'password-pepper'));

/** @throws {StartFailure} that names the setting, where the folder cannot be used. */
export function inDataDir<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    throw syscall ? unusableDataDir(code) : error;
  }
}

/**
 * The content of a file that is its owner's alone; made where there is none. What is there is never replaced. The file
 * appears with all its content, so of processes that start together one makes it and all read the same, and none is
 * left half made. Root makes it for the folder's owner: the process that reads it is not root.
 */
export function readOrCreateFile(folder: string, name: string, make: () => string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, name);
  const known = readIfThere(path);
  if (known !== null) return known;

  const draft = `${path}.${randomUUID()}`;
  const content = make();
  try {
    writeFileSync(draft, content, { flag: 'wx', mode: 0o600 });
    if (process.getuid?.() === 0) chownSync(draft, statSync(folder).uid, statSync(folder).gid);
    linkSync(draft, path);
    return content;
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(path, 'utf8');
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}

const hasCode = (error: unknown, code: string) => (error as NodeJS.ErrnoException).code === code;
