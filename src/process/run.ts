import { setTimeout as delay } from 'node:timers/promises';
import { inOneLine } from './start-failure.js';

/** SIGHUP: the terminal was closed. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
/** A step of the start that is under way when the signal comes may end for so long. */
const STEP_MS = 4_000;
/** Supervisors kill after 10 s. */
const GRACE_MS = 9_000;

type Stop = () => Promise<void> | void;

/**
 * A process that serves, from its first line to its end. A signal, at whatever moment, ends what was started, the last
 * first, and then the process with 0; a step that fails does the same and ends it with 1 and one line. Further signals
 * change nothing: a terminal sends its own beside npm's, and the end is bounded.
 */
export class Run {
  readonly #stops: Stop[] = [];
  #step: Promise<unknown> = Promise.resolve();
  #ending = false;

  constructor() {
    for (const signal of SIGNALS) process.on(signal, () => void this.#end(0));
  }

  /**
   * One step of the start; `stop` undoes it at the end. Once the process is to end no step begins, and one that was
   * under way does not return.
   */
  async step<T>(start: () => T | Promise<T>, stop?: (started: T) => Promise<void> | void): Promise<T> {
    if (this.#ending) return never();
    const starting = (async () => start())();
    this.#step = starting.then(
      (started) => void (stop && this.#stops.push(() => stop(started))),
      () => undefined,
    );
    try {
      const started = await starting;
      return this.#ending ? never() : started;
    } catch (error) {
      return this.fail(error);
    }
  }

  /** Ends the process with 1 and says why in one line; what fails because the process ends is no news. */
  async fail(error: unknown): Promise<never> {
    if (!this.#ending) {
      console.error(inOneLine(error));
      await this.#end(1);
    }
    return never();
  }

  async #end(code: number): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    setTimeout(() => process.exit(1), GRACE_MS).unref();
    await endBy(performance.now() + STEP_MS, this.#step);
    for (const stop of this.#stops.reverse()) {
      await (async () => stop())().catch((error: unknown) => console.error(inOneLine(error)));
    }
    process.exit(code);
  }
}

const never = () => new Promise<never>(() => undefined);

/**
 * Waits for the end of `work` until `deadline` at most, in milliseconds of `performance.now()`: what hangs keeps nothing
 * behind it from ending. False if it has not ended, or not well.
 */
export async function endBy(deadline: number, work: Promise<unknown>): Promise<boolean> {
  const late = new AbortController();
  const ended = work.then(
    () => true,
    () => false,
  );
  const wait = delay(Math.max(0, deadline - performance.now()), false, { signal: late.signal }).catch(() => false);
  const inTime = await Promise.race([ended, wait]);
  late.abort();
  return inTime;
}
