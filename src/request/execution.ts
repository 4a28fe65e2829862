import { executionTimeout } from '../errors.js';

/** What becomes known while an operation runs. Apollo hands on a copy of the context, and this object within it. */
export class Execution {
  isMutation = false;
  /** Lets the next costly operation begin; null where this is none. */
  endTurn: (() => void) | null = null;
  readonly #deadline: number;

  constructor(private readonly timeoutSeconds: number) {
    this.#deadline = Date.now() + timeoutSeconds * 1000;
  }

  /** Before a field begins. @throws {IdentityError} EXECUTION_TIMEOUT when its time is over. */
  checkTime(): void {
    if (Date.now() > this.#deadline) throw executionTimeout(this.timeoutSeconds);
  }
}
