import cluster from 'node:cluster';
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
 * are listening. `run` ends them with this process; if it is killed, Node.js ends them. A connection that comes at the
 * instant in which the last one stops listening is closed without an answer, when all of them have ended.
 * @throws {StartFailure} if one ends before it listens. It has said why.
 */
export async function startWorkers(run: Run, { count, script, passedOn, log }: WorkerOptions): Promise<void> {
  cluster.setupPrimary({ exec: script });
  const exits = new Map<number, Promise<void>>();
  let ending = false;
  const signalAll = (signal: NodeJS.Signals) => {
    for (const id of exits.keys()) cluster.workers?.[id]?.process.kill(signal);
  };

  const start = (): Promise<void> => {
    const worker = cluster.fork();
    const { id } = worker;
    return new Promise((resolve, reject) => {
      let isReady = false;
      worker.once('listening', () => {
        isReady = true;
        log.info({ worker: id, pid: worker.process.pid }, 'worker is ready');
        resolve();
      });
      const exit = new Promise<void>((gone) => {
        worker.once('exit', (code: number | null, signal: string | null) => {
          exits.delete(id);
          gone();
          if (!isReady) return reject(new StartFailure('A worker has ended before it was ready.'));
          if (!ending) void replace({ worker: id, code, signal });
        });
      });
      exits.set(id, exit);
    });
  };

  const replace = async (lost: object): Promise<void> => {
    log.error(lost, 'a worker has ended; another one takes its place');
    for (;;) {
      await delay(RESTART_MS);
      if (
        ending ||
        (await start().then(
          () => true,
          () => false,
        )) ||
        ending
      )
        return;
      log.error('a worker cannot be started; it is tried again');
    }
  };

  if (passedOn) process.on(passedOn, () => signalAll(passedOn));
  await run.step(
    () => undefined,
    async () => {
      ending = true;
      signalAll('SIGTERM');
      await Promise.all(exits.values());
    },
  );
  // The first one migrates the database of development, and what is wrong is told once.
  await start();
  await Promise.all(Array.from({ length: count - 1 }, start));
}
