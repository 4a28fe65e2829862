import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StartFailure, unusableDataDir } from '../process/start-failure.js';

/** SQLite's result codes. */
const [BUSY, NOT_A_DATABASE] = [5, 26];

/**
 * Takes the folder for this process alone; answers what gives it back. The lock is the operating system's, on the file
 * `postgres.lock`: it goes with its process however that ends, and holds in another container too, where process
 * numbers mean nothing. Node.js offers such a lock only through SQLite. That file stays; removed, two could hold the
 * lock, each on a file of its own. The file `lock` only says who holds it.
 * @throws {StartFailure} if another process has it, or the folder cannot be written.
 */
export function lockFolder(folder: string): () => void {
  const unlock = takeLock(folder);
  const holder = join(folder, 'lock');
  const leave = () => ifPossible(() => rmSync(holder, { force: true }));
  ifPossible(() => writeFileSync(holder, String(process.pid), { mode: 0o600 }));
  process.once('exit', leave);
  return () => {
    process.off('exit', leave);
    leave();
    unlock();
  };
}

function takeLock(folder: string): () => void {
  const path = join(folder, 'postgres.lock');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return lockFile(path);
  } catch (error) {
    const { code, errcode } = error as { code?: string; errcode?: number };
    if (errcode === BUSY)
      throw new StartFailure(
        `The data folder ${folder} is in use by ${holderOf(folder)}. Stop it, or set DATA_DIR or DATABASE_URL.`,
      );
    const why = errcode === undefined ? code : 'postgres.lock in it cannot be locked';
    throw unusableDataDir(why);
  }
}

function lockFile(path: string): () => void {
  const file = new DatabaseSync(path);
  try {
    file.exec('begin exclusive');
    return () => file.close();
  } catch (error) {
    file.close();
    if ((error as { errcode?: number }).errcode !== NOT_A_DATABASE) throw error;
    // Its content is not ours, so no process of ours holds the lock.
    writeFileSync(path, '');
    return lockFile(path);
  }
}

function holderOf(folder: string): string {
  let pid = '';
  ifPossible(() => {
    pid = readFileSync(join(folder, 'lock'), 'utf8');
  });
  return /^\d+$/.test(pid) ? `process ${pid}` : 'another process';
}

/** The name of the holder is not the lock, so what is wrong with it stops nothing. */
function ifPossible(change: () => void): void {
  try {
    change();
  } catch {
    // See above.
  }
}
