import { setImmediate } from 'node:timers/promises';
import { executionTimeout } from '../errors.js';
import type { Turns } from './turns.js';

/** A costly operation waits so long in all for small requests: they come without an end, and it has to end. */
const GIVES_WAY_MS = 100;

/** What becomes known while an operation runs. Apollo hands on a copy of the context, and this object within it. */
export class Execution {
  isMutation = false;
  readonly #deadline: number;
  #isCostly = false;
  #endTurn = () => {};
  #givesWayMs = GIVES_WAY_MS;

  constructor(
    private readonly timeoutSeconds: number,
    private readonly turns: Turns,
  ) {
    this.#deadline = performance.now() + timeoutSeconds * 1000;
    turns.beginSmall();
  }

  /** Waits for the turn of a costly operation. @throws {IdentityError} SERVICE_OVERLOADED. */
  async becomeCostly(): Promise<void> {
    this.#isCostly = true;
    this.turns.endSmall();
    this.#endTurn = await this.turns.take();
    await this.giveWay();
  }

  /** Between parts of the work: a costly operation lets small requests go first, those too that have just come. */
  async giveWay(): Promise<void> {
    if (!this.#isCostly) return;
    await setImmediate();
    this.#givesWayMs -= await this.turns.giveWay(this.#givesWayMs);
  }

  /** When the request is answered, however it ended. */
  end(): void {
    if (this.#isCostly) this.#endTurn();
    else this.turns.endSmall();
  }

  get isCostly(): boolean {
    return this.#isCostly;
  }

  /** Before a field begins. @throws {IdentityError} EXECUTION_TIMEOUT when its time is over. */
  checkTime(): void {
    if (performance.now() > this.#deadline) throw executionTimeout(this.timeoutSeconds);
  }
}
