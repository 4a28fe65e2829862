import { AsyncLocalStorage } from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';
import FakeTimers from '@sinonjs/fake-timers';
import { dateAhead } from '../date-ahead.js';
import { SimulatedProcess } from './simulated-process.js';

const realImmediate = setImmediate;

/**
 * Time that passes only when nothing else is left to do. Everything in this process sees it: our code by `Date` and
 * timers, and the embedded database, whose `now()` is `Date.now()`.
 */
export class Clock {
  readonly #fake = FakeTimers.install({
    // Not before any time that the embedded database has seen: a timer of its own would never be due.
    now: Date.UTC(2050, 0, 1),
    toFake: [
      ...(['Date', 'performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] as const),
      ...(['setImmediate', 'clearImmediate'] as const),
    ],
    shouldClearNativeTimers: true,
  });

  constructor() {
    for (const name of ['setTimeout', 'setInterval', 'setImmediate'] as const) bindToProcess(name);
    // As on several machines, of which each has a clock of its own. Timers do not go by it.
    globalThis.Date = dateAhead(Date, () => SimulatedProcess.current()?.clockOffsetMs ?? 0);
    // Those who import the timers by name get these, too.
    syncBuiltinESMExports();
  }

  /** In milliseconds, which are whole ones. */
  get now(): number {
    return this.#fake.now;
  }

  /**
   * Lets this time pass. All work goes on until it waits for time; then it is as late as the next timer. Work that does
   * not end is microtasks alone: the embedded database runs in this thread.
   */
  async pass(ms: number): Promise<void> {
    let isOver = false;
    setTimeout(() => {
      isOver = true;
    }, ms);
    while (!isOver) {
      await new Promise<void>((resolve) => realImmediate(resolve));
      this.#fake.next();
    }
  }
}

/** A timer of a process fires in it, or not at all where it is killed. */
function bindToProcess(name: 'setTimeout' | 'setInterval' | 'setImmediate'): void {
  const fake = globalThis[name] as (callback: (...args: unknown[]) => void, ...rest: unknown[]) => unknown;
  const bound = (callback: (...args: unknown[]) => void, ...rest: unknown[]) => {
    const process = SimulatedProcess.current();
    const inContext = AsyncLocalStorage.bind(callback);
    return fake((...args) => void (process?.isKilled || inContext(...args)), ...rest);
  };
  Object.assign(globalThis, { [name]: bound });
}
