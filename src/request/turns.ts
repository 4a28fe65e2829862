import { setTimeout as delay } from 'node:timers/promises';
import { overloaded } from '../errors.js';

/** One that has run for so long waits for the database, and not for this process: the next begins beside it. */
const PATIENCE_MS = 250;
const MAX_WAITING = 100;
const RETRY_AFTER_SECONDS = 1;

interface Turn {
  begun: PromiseWithResolvers<void>;
  ended: PromiseWithResolvers<void>;
}

const turn = (): Turn => ({ begun: Promise.withResolvers(), ended: Promise.withResolvers() });

/**
 * Lets costly operations run one after the other, and none while there are small ones to answer. Together they would
 * occupy the process, and every small request would wait for all of them.
 */
export class Turns {
  #last: Turn;
  #waiting = 0;
  #small = 0;
  #noSmall = Promise.withResolvers<void>();

  constructor() {
    this.#last = turn();
    this.#last.begun.resolve();
    this.#last.ended.resolve();
  }

  /** A request came, which is small until it is known to be costly. */
  beginSmall(): void {
    this.#small += 1;
  }

  endSmall(): void {
    this.#small -= 1;
    if (this.#small > 0) return;
    this.#noSmall.resolve();
    this.#noSmall = Promise.withResolvers();
  }

  /**
   * Waits for a turn, and answers what ends it.
   * @throws {IdentityError} SERVICE_OVERLOADED where too many wait already.
   */
  async take(): Promise<() => void> {
    if (this.#waiting >= MAX_WAITING) throw overloaded(RETRY_AFTER_SECONDS);
    const [before, mine] = [this.#last, turn()];
    this.#last = mine;
    this.#waiting += 1;
    await before.begun.promise;
    await Promise.race([before.ended.promise, delay(PATIENCE_MS, undefined, { ref: false })]);
    this.#waiting -= 1;
    mine.begun.resolve();
    return mine.ended.resolve;
  }

  /** Waits until no small request is under way, at most `ms`. Answers how long it waited. */
  async giveWay(ms: number): Promise<number> {
    if (this.#small === 0 || ms <= 0) return 0;
    const began = performance.now();
    await Promise.race([this.#noSmall.promise, delay(ms, undefined, { ref: false })]);
    return performance.now() - began;
  }
}
