import { setTimeout as delay } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { outageOf } from '../../src/database/outage.js';
import { IdentityError } from '../../src/errors.js';
import { COMMAND, type SignedInActor } from '../../src/request/actor.js';
import { RequestMemo } from '../../src/request/request-memo.js';
import type { Faults } from './faults.js';
import type { World } from './world.js';

type Operation = 'close' | 'restore';

const [BEGIN_MS, RESTORE_MS, ASK_AGAIN_MS] = [5_000, 12_000, 500];

/** The API that was asked has ended. */
class NoAnswer extends Error {}

/** An admin who deletes accounts, and takes some deletions back. */
export class Clients {
  readonly asked = new Set<string>();
  /** Without those that were taken back. */
  readonly accepted = new Set<string>();
  readonly restored = new Set<string>();
  readonly problems: string[] = [];
  readonly #actor: SignedInActor = { ...COMMAND, userId: uuidv7(), sessionId: uuidv7() };

  constructor(
    private readonly world: World,
    private readonly faults: Faults,
    private readonly hasGrace: boolean,
  ) {}

  /** Until it is accepted, and perhaps taken back. */
  async delete(id: string): Promise<void> {
    const { faults } = this;
    await delay(faults.random() * BEGIN_MS);
    this.asked.add(id);
    await this.#untilAnswered('close', id);
    this.accepted.add(id);
    if (!this.hasGrace || faults.random() < 0.5) return;
    await delay(faults.random() * RESTORE_MS);
    if (!(await this.#untilAnswered('restore', id))) return;
    this.accepted.delete(id);
    this.restored.add(id);
  }

  /** Whether it was done; false where it was refused. */
  async #untilAnswered(operation: Operation, id: string): Promise<boolean> {
    for (;;) {
      try {
        await this.#ask(operation, id);
        this.faults.note(`${operation} is done`);
        return true;
      } catch (error) {
        if (error instanceof IdentityError) {
          this.faults.note(`${operation} is refused`);
          return false;
        }
        if (!(error instanceof NoAnswer || outageOf(error))) this.problems.push(`${operation}: ${error}`);
      }
      await delay(ASK_AGAIN_MS);
    }
  }

  async #ask(operation: Operation, id: string): Promise<void> {
    const api = this.world.anApi();
    if (api.isKilled) throw new NoAnswer();
    const actor = { ...this.#actor, memo: new RequestMemo() };
    const killed = new Promise<never>((_, reject) => api.onKilled(() => reject(new NoAnswer())));
    const answered = api.run(async () => {
      if (operation === 'close') await api.accounts.close(actor, id, null);
      else await api.accounts.restore(actor, id);
      await this.faults.moment(api);
    });
    await Promise.race([answered, killed]);
  }
}
