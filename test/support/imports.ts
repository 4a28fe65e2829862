import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './once-per-run.js';
import { runCommand, select } from './processes.js';

export const IMPORT = 'dist/src/commands/users-import.js';

interface Row {
  email: string;
  name: string;
  passwordHash: string;
  [field: string]: unknown;
}

let people = 0;

/** A line of an import, of a person of its own. */
export const row = (more: Partial<Row> = {}): Row => {
  const email = more.email ?? `canary-${people++}@example.com`;
  return { email, name: 'Canary Imported', passwordHash: someHash(email), ...more };
};

/** A hash of its own, in form; it fits no password that is known. */
export const someHash = (seed: string): string => {
  const digest = createHash('sha512').update(seed).digest('hex');
  return `$2b$10$${digest.slice(0, 21)}O${digest.slice(0, 30)}C`;
};

export const lines = (rows: unknown[]): string =>
  rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join('');

/** The path of a new file. */
export function fileOf(content: string | Buffer): string {
  const path = join(temporaryFolder(), 'users.jsonl');
  writeFileSync(path, content);
  return path;
}

export const importInto = (DATABASE_URL: string, content: string | Buffer) =>
  runCommand(IMPORT, [fileOf(content)], { DATABASE_URL });

/** The users whose registration was announced once. */
export const announcedOnce = (url: string) =>
  select(url, `select subject from outbox where type = 'user.registered' group by 1 having count(*) = 1`);
