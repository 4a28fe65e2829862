import type { Logger } from 'pino';
import { inOneLine } from '../process/start-failure.js';

const FIRST_MS = 10_000;
const EVERY_MS = 6 * 60 * 60 * 1000;
/** When the database or the archive was away, or took no writes. */
const AGAIN_MS = 10 * 60 * 1000;

/** Removes what is older than its retention, now and then, in every instance: `remove` ends early when it is stopped. */
export class Janitor {
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;

  constructor(
    private readonly remove: (stopping: AbortSignal) => Promise<void>,
    private readonly log: Logger,
  ) {}

  start(firstMs = FIRST_MS): void {
    this.#wait(firstMs);
  }

  /** Ends after the batch in hand. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#timer) clearTimeout(this.#timer);
    await this.#running;
  }

  #wait(ms: number): void {
    if (this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#run().then((next) => this.#wait(next));
    }, ms);
  }

  async #run(): Promise<number> {
    try {
      await this.remove(this.#stopping.signal);
      return EVERY_MS;
    } catch (error) {
      if (!this.#stopping.signal.aborted)
        this.log.warn({ reason: inOneLine(error) }, 'old records not removed; trying again later');
      return AGAIN_MS;
    }
  }
}
