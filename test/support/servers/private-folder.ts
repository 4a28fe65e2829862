import { execFile } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface PrivateFolder {
  path: string;
  /** Whom the server runs as: PostgreSQL refuses root. */
  as: { uid?: number; gid?: number };
  write(name: string, text: string): void;
  /** @throws what the program said where it fails. */
  run(program: string, args: string[], env?: Record<string, string>): Promise<void>;
}

export function privateFolder(name: string, users: string[], parent = tmpdir()): PrivateFolder {
  const path = mkdtempSync(join(parent, `gatehouse-${name}-`));
  const user = process.getuid?.() === 0 ? userOf(users) : null;
  const own = (file: string) => user && chownSync(file, user.uid, user.gid);
  own(path);
  const as = user ?? {};
  return {
    path,
    as,
    write(name, text) {
      writeFileSync(join(path, name), text);
      own(join(path, name));
    },
    async run(program, args, env) {
      await promisify(execFile)(program, args, { ...as, cwd: path, env: { ...process.env, ...env } });
    },
  };
}

function userOf(names: string[]): { uid: number; gid: number } {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of names) {
    const user = users.find(([known]) => known === name);
    if (user) return { uid: Number(user[2]), gid: Number(user[3]) };
  }
  throw new Error(`none of these users is known here: ${names.join(', ')}`);
}
