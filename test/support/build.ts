import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

let built = false;

/** Brings dist up to date, once in each worker of Jest; two at once would read each other's half-written files. */
export function build(): void {
  if (built) return;
  const lock = join('node_modules', '.build.lock');
  const unlock = takeLock(lock);
  try {
    const tsc = join('node_modules', 'typescript', 'bin', 'tsc');
    const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`the build failed:\n${stdout}`);
    built = true;
  } finally {
    unlock();
  }
}

/** Waits its turn; whoever holds the lock and is dead holds it no more. */
function takeLock(path: string): () => void {
  const nap = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    try {
      const file = openSync(path, 'wx');
      writeSync(file, String(process.pid));
      closeSync(file);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (isGone(path)) rmSync(path, { force: true });
    Atomics.wait(nap, 0, 0, 50);
  }
}

function isGone(path: string): boolean {
  try {
    process.kill(Number(readFileSync(path, 'utf8')) || process.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
