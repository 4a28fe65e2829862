import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { overloaded } from '../errors.js';

/** As much work as one network may have here, waiting or running. */
export const MAX_OF_NETWORK = 50;
/** The same for all: longer, and the last in the queue would wait for half a minute. */
export const MAX_OF_ALL = 100;
const RETRY_AFTER_SECONDS = 5;
/** A new thread costs as much as a hash. */
const THREAD_IDLE_MS = 60_000;

let threads: Piscina | null = null;

/**
 * bcrypt in threads of its own: those of libuv are for DNS, files and TLS. All pools of a process share them, for they
 * share its cores. There is one for each core: on Linux they have a lower priority than the thread that answers, so
 * logins take what others leave. They keep no process from ending.
 */
function openThreads(): Piscina {
  threads ??= new Piscina({
    filename: new URL('./hash-thread.js', import.meta.url).href,
    minThreads: 1,
    maxThreads: availableParallelism(),
    idleTimeout: THREAD_IDLE_MS,
  });
  return threads;
}

/** The queue before the threads. It is bounded for each network, so one cannot fill it (OWASP ASVS 5.0, 15.2.2). */
export class HashPool {
  readonly #pending = new Map<string, number>();
  #pendingOfAll = 0;

  /**
   * Runs work that asks for hashes, one after the other.
   * @throws {IdentityError} SERVICE_OVERLOADED at once if too much waits already.
   */
  async run<T>(network: string, work: () => Promise<T>): Promise<T> {
    const pending = this.#pending.get(network) ?? 0;
    if (pending >= MAX_OF_NETWORK || this.#pendingOfAll >= MAX_OF_ALL) throw overloaded(RETRY_AFTER_SECONDS);
    this.#count(network, 1);
    try {
      return await work();
    } finally {
      this.#count(network, -1);
    }
  }

  hash(input: string | Buffer, cost: number): Promise<string> {
    return openThreads().run({ input, cost }, { name: 'hash' });
  }

  /** Whether the first hash is of the input. Where it is not, the others are compared for the time that they take. */
  compare(input: string | Buffer, hashes: readonly string[]): Promise<boolean> {
    return openThreads().run({ input, hashes }, { name: 'compare' });
  }

  #count(network: string, change: 1 | -1): void {
    const pending = (this.#pending.get(network) ?? 0) + change;
    if (pending === 0) this.#pending.delete(network);
    else this.#pending.set(network, pending);
    this.#pendingOfAll += change;
  }
}
