import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openRunFolder } from './once-per-run.js';

export const TSC = join('node_modules', 'typescript', 'bin', 'tsc');

/** Brings dist up to date. */
export const build = (): void =>
  buildOnce('built', [[TSC, '-p', 'tsconfig.build.json'], [join('scripts', 'bundle.js')]]);

/** The same of dist-bench, with the benchmarks and the proof of the delivery. */
export const buildBench = (): void => buildOnce('bench-built', [[TSC, '-p', 'tsconfig.bench.json']]);

/** Once in a run of tests; two at once would read each other's half-written files. */
function buildOnce(name: string, scripts: string[][]): void {
  const done = join(openRunFolder(), name);
  if (existsSync(done)) return;
  const unlock = takeLock(join('node_modules', '.build.lock'));
  try {
    if (existsSync(done)) return;
    for (const script of scripts) {
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
