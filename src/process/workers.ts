import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Run } from './run.js';
import { StartFailure } from './start-failure.js';

/** A worker that ends at once, again and again, is started no faster than this. */
const RESTART_MS = 1_000;

interface WorkerOptions {
  count: number;
  /** The path of the script that each of them runs. */
  script: string;
  /** A signal that is passed on to each of them; null for none. */
  passedOn: NodeJS.Signals | null;
  log: Logger;
}

/**
 * Runs a script in several processes that share its port, and starts another for one that has ended. Resolves when all
 * are listening. `run` ends them with this process; if it is killed, Node.js ends them. A connection that comes
 * in the moment in which the last one stops listening gets no answer. It is closed when all of them have ended.
 * @throws {StartFailure} if one ends before it listens. It has said why.
 */
export async function startWorkers(run: Run, { count, script, passedOn, log }: WorkerOptions): Promise<void> {
  cluster.setupPrimary({ exec: script });
  const ready = new Set<Worker>();
  let ending = false;

  /** Resolves when the worker listens. */
  const start = (): Promise<void> => {
    const worker = cluster.fork();
    const { id } = worker;
    return new Promise((resolve, reject) => {
      worker.once('listening', () => {
        ready.add(worker);
        log.info({ worker: id, pid: worker.process.pid }, 'worker is ready');
        resolve();
      });
      worker.once('exit', (code: number | null, signal: string | null) => {
        if (!ready.delete(worker)) reject(new StartFailure('A worker has ended before it was ready.'));
        else if (!ending) void replace({ worker: id, code, signal });
      });
    });
  };

  const replace = async (lost: object): Promise<void> => {
    log.error(lost, 'a worker has ended; another one takes its place');
    for (;;) {
      await delay(RESTART_MS);
      if (ending) return;
      try {
        return await start();
      } catch {
        if (!ending) log.error('a worker cannot be started; it is tried again');
      }
    }
  };

  // It would end a worker that starts and does not listen for it yet.
  if (passedOn) process.on(passedOn, () => signal(ready, passedOn));
  await run.step(
    () => undefined,
    async () => {
      ending = true;
      const alive = Object.values(cluster.workers ?? {}).filter((worker) => worker && !worker.isDead()) as Worker[];
      const ends = alive.map((worker) => once(worker, 'exit'));
      signal(alive, 'SIGTERM');
      await Promise.all(ends);
    },
  );
  // The first one migrates the database of development, and what is wrong is told once.
  await start();
  await Promise.all(Array.from({ length: count - 1 }, start));
}

function signal(workers: Iterable<Worker>, name: NodeJS.Signals): void {
  for (const worker of workers) worker.process.kill(name);
}
