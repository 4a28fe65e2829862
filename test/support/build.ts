import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openRunFolder } from './once-per-run.js';

/** Brings dist up to date, once in a run of tests; two at once would read each other's half-written files. */
export function build(): void {
  const done = join(openRunFolder(), 'built');
  if (existsSync(done)) return;
  const unlock = takeLock(join('node_modules', '.build.lock'));
  try {
    if (existsSync(done)) return;
    const tsc = join('node_modules', 'typescript', 'bin', 'tsc');
    for (const script of [[tsc, '-p', 'tsconfig.build.json'], [join('scripts', 'bundle.js')]]) {
      const { status, stdout, stderr } = spawnSync(process.execPath, script, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`the build failed:\n${stdout}${stderr}`);
    }
    writeFileSync(done, '');
  } finally {
    unlock();
  }
}

/** Waits for its turn. A lock whose process is gone does not count. */
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
