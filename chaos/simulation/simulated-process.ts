import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';

/** As a process of ours gives its work before it ends. */
const STOP_MS = 6_500;

const running = new AsyncLocalStorage<SimulatedProcess>();

/**
 * A process: what runs in it knows so by its async context. From its end on nothing answers it, so its code stays where
 * it was.
 */
export class SimulatedProcess {
  readonly #onKilled: (() => void)[] = [];
  #isKilled = false;
  /** By how much its clock is wrong. */
  clockOffsetMs = 0;

  constructor(readonly name: string) {}

  /** Undefined outside all of them. */
  static current(): SimulatedProcess | undefined {
    return running.getStore();
  }

  /** For what another machine does: it goes on when the process that caused it is killed. */
  static outside<T>(work: () => T): T {
    return running.exit(work);
  }

  get isKilled(): boolean {
    return this.#isKilled;
  }

  run<T>(work: () => T): T {
    return running.run(this, work);
  }

  /** Calls at once where it is killed: the first message may do that while it starts. */
  onKilled(listener: () => void): void {
    if (this.#isKilled) SimulatedProcess.outside(listener);
    else this.#onKilled.push(listener);
  }

  /** Ends with its work, or where that takes too long. */
  protected async endsIn(work: Promise<unknown>): Promise<void> {
    await Promise.race([work, delay(STOP_MS)]);
    this.kill();
  }

  kill(): void {
    if (this.#isKilled) return;
    this.#isKilled = true;
    for (const listener of this.#onKilled) SimulatedProcess.outside(listener);
  }
}

export const never = <T>(): Promise<T> => new Promise(() => undefined);
