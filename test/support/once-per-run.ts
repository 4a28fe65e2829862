import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** The process that began this run: Jest's, whose workers hear from it, or this one. */
const RUN_PID = process.send ? process.ppid : process.pid;

/** A folder of this run, which is removed when the run's process is gone. */
export const RUN_FOLDER = join(tmpdir(), `gatehouse-run-${RUN_PID}`);

/**
 * What all workers of a run share, as JSON: the first one that needs it makes it, and the others wait. `make` may leave
 * files in the folder, and the numbers of processes to be ended with the run in its file `pids`.
 */
export async function oncePerRun<T>(name: string, make: () => Promise<T>): Promise<T> {
  const [result, lock] = [join(RUN_FOLDER, `${name}.json`), join(RUN_FOLDER, `${name}.lock`)];
  openRunFolder();
  for (;;) {
    if (existsSync(result)) return JSON.parse(readFileSync(result, 'utf8')) as T;
    if (takes(lock)) break;
    await delay(25);
  }
  try {
    const made = await make();
    writeFileSync(`${result}.part`, JSON.stringify(made));
    renameSync(`${result}.part`, result);
    return made;
  } finally {
    rmSync(lock, { force: true });
  }
}

function takes(lock: string): boolean {
  try {
    closeSync(openSync(lock, 'wx'));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

/** A new folder, for as long as the run. */
export const temporaryFolder = (): string => mkdtempSync(join(openRunFolder(), 'folder-'));

/** Makes the folder of this run where it is not there, and with it a shell that waits for the end of the run. */
export function openRunFolder(): string {
  // Servers run as users of their own, and pass through.
  if (mkdirSync(RUN_FOLDER, { recursive: true, mode: 0o755 }) === undefined) return RUN_FOLDER;
  const script = `while kill -0 $1 2>/dev/null; do sleep 1; done
for p in $(cat "$2/pids" 2>/dev/null); do kill -QUIT $p 2>/dev/null; done; sleep 1; rm -rf "$2"`;
  spawn('/bin/sh', ['-c', script, 'end-of-run', `${RUN_PID}`, RUN_FOLDER], { detached: true, stdio: 'ignore' }).unref();
  return RUN_FOLDER;
}
