import { setTimeout as delay } from 'node:timers/promises';
import { type EntityData, raw } from '@mikro-orm/core';
import type { Config } from '../src/config/config.js';
import { outageOf } from '../src/database/outage.js';
import { Deletion, DeletionReceipt, ReceiptStatus } from '../src/deletion/deletion.entity.js';
import { deletionOverdue, userDeleted } from '../src/events/outbox.entity.js';
import { answeredInTime, NoAnswer } from '../src/process/answered-in-time.js';
import { takeOverDeletions } from './deletions-of-older-versions.js';
import { PURGE } from './steps/purge.js';
import { StepFailure } from './steps/step-failure.js';
import type { StepParts, Steps } from './steps/steps.js';

const BATCH = 10;
const LEASE_SECONDS = 30;
/** Of a step; less than its lease. One that hangs would hold up all others. */
const STEP_MS = 25_000;
/** For what another process has made due. */
const POLL_MS = 2_000;
/** While a step waits for another system. */
const WAITING_MS = 500;
const MAX_PAUSE_SECONDS = 600;
const MAX_REASON_LENGTH = 200;
const OVERDUE_LOOK_MS = 60_000;
const OVERDUE_BATCH = 1_000;
/** Only beside an older version there are new ones. */
const TAKE_OVER_LOOK_MS = 3_600_000;

const CLAIM = `update deletion_receipts set next_attempt_at = now() + interval '${LEASE_SECONDS} seconds'
  where (user_id, step) in (
    select user_id, step from deletion_receipts where status = 'pending' and next_attempt_at <= now()
    order by next_attempt_at limit ${BATCH} for update skip locked
  ) returning user_id as "userId", step, attempts, next_attempt_at::text as "leasedUntil"`;

const DUE = 'announced_at is null and purge_at <= now()';
/** One deletion whose grace period is over. Times are those of the database: processes may have others. */
const ANNOUNCE = `update deletions set announced_at = now()
  where user_id = (select user_id from deletions where ${DUE} order by purge_at limit 1 for update skip locked)
  returning user_id as "userId", requested_by as "requestedBy",
    (extract(epoch from requested_at) * 1000)::float8 as "requestedMs"`;

/** Deletions that were announced before a time and have open steps, each once. */
const OVERDUE = `update deletions set overdue_at = now()
  where user_id in (
    select user_id from deletions
    where announced_at <= now() - ? * interval '1 second' and overdue_at is null
      and user_id in (select user_id from deletion_receipts where status <> 'done')
    limit ${OVERDUE_BATCH} for update skip locked
  ) returning user_id as "userId", announced_at as "announcedAt", (
    select array_agg(step order by step) from deletion_receipts as receipt
    where receipt.user_id = deletions.user_id and receipt.status <> 'done'
  ) as steps`;

interface Claimed extends Pick<DeletionReceipt, 'userId' | 'step' | 'attempts'> {
  leasedUntil: string;
}

/** The longer it has waited, the longer it waits. */
const PAUSE = `now() + least(
  greatest(
    (select (now() - coalesce(announced_at, requested_at)) / 4 from deletions where deletions.user_id = ?),
    interval '${WAITING_MS} milliseconds'
  ),
  interval '${MAX_PAUSE_SECONDS} seconds'
)`;

/**
 * Does the steps of deletions: announces those whose grace period is over, and runs what is due, until each step has its
 * receipt. Several workers share the work, each with rows of its own for a lease; what a worker that died had in hand is
 * due again after it. A step that fails is tried again with growing pauses, and FAILED in the end; the others go on.
 */
export class DeletionWorker {
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #wake = () => {};
  #outage: string | null = null;
  #nextOverdueLook = 0;
  #nextTakeOver = 0;

  constructor(
    private readonly parts: StepParts,
    private readonly steps: Steps,
    private readonly settings: Pick<Config, 'deletionAttempts' | 'deletionDeadlineSeconds'>,
  ) {}

  get stepNames(): string[] {
    return [...this.steps.keys()];
  }

  start(): void {
    this.#running = this.#run();
  }

  /** There may be something to do. */
  wake(): void {
    this.#wake();
  }

  /** Ends after the steps in hand. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const pauseMs = await this.#work();
      if (pauseMs === 0) continue;
      await Promise.race([woken, delay(pauseMs, undefined, { signal, ref: false }).catch(() => undefined)]);
    }
  }

  /** Answers when to look again, in milliseconds. */
  async #work(): Promise<number> {
    try {
      const announced = await this.#announce();
      await this.#announceOverdue();
      await this.#takeOver();
      const claimed = await this.#claim();
      const settled = await Promise.all(claimed.map((receipt) => this.#do(receipt)));
      this.#outage = null;
      // After a whole batch there may be more that are due, also where all of this one have to wait.
      if (announced || settled.includes(true) || claimed.length === BATCH) return 0;
      return claimed.length > 0 ? WAITING_MS : POLL_MS;
    } catch (error) {
      const reason = outageOf(error)?.reason ?? null;
      if (reason === null) this.parts.log.error({ err: error }, 'deletions cannot be read; trying again');
      else if (reason !== this.#outage) this.parts.log.warn({ reason }, 'deletions wait');
      this.#outage = reason;
      return POLL_MS;
    }
  }

  /** One deletion whose grace period is over; its event brings its receipts. */
  async #announce(): Promise<boolean> {
    const { em } = this.parts;
    // Most of the time there is none, and one statement says so.
    const due = await em.fork().execute(`select from deletions where ${DUE} limit 1`);
    if (due.length === 0) return false;
    return em.fork().transactional(async (em) => {
      const [announced] = await em.execute<{ userId: string; requestedBy: string; requestedMs: number }[]>(ANNOUNCE);
      if (!announced) return false;
      const { userId, requestedBy, requestedMs } = announced;
      em.persist(userDeleted(userId, requestedBy, new Date(requestedMs)));
      return true;
    });
  }

  /** Says once of each deletion that its deadline is over. */
  async #announceOverdue(): Promise<void> {
    const { deletionDeadlineSeconds } = this.settings;
    const now = performance.now();
    if (now < this.#nextOverdueLook) return;
    // At most a tenth too late.
    this.#nextOverdueLook = now + Math.min(OVERDUE_LOOK_MS, deletionDeadlineSeconds * 100);
    const { em, log } = this.parts;
    const overdue = await em.fork().transactional(async (em) => {
      const found = await em.execute<{ userId: string; announcedAt: string; steps: string[] }[]>(OVERDUE, [
        deletionDeadlineSeconds,
      ]);
      for (const { userId, announcedAt } of found) em.persist(deletionOverdue(userId, new Date(announcedAt)));
      return found;
    });
    for (const { userId, steps } of overdue) log.error({ userId, steps }, 'deletion is overdue');
  }

  async #takeOver(): Promise<void> {
    if (performance.now() < this.#nextTakeOver) return;
    const { em, log } = this.parts;
    const deletions = await takeOverDeletions(em, this.stepNames);
    if (deletions > 0) log.info({ deletions }, 'deletions of an older version go on');
    else this.#nextTakeOver = performance.now() + TAKE_OVER_LOOK_MS;
  }

  /** In the order of their users: what is done at once is done in the same way in each run of a simulation. */
  async #claim(): Promise<Claimed[]> {
    const claimed = await this.parts.em.fork().execute<Claimed[]>(CLAIM);
    const nameOf = ({ userId, step }: Claimed) => `${userId} ${step}`;
    return claimed.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  }

  /** Whether the step was done. */
  async #do(claimed: Claimed): Promise<boolean> {
    const { em, log } = this.parts;
    const { userId, step, attempts } = claimed;
    try {
      const deletion = await em.fork().findOneOrFail(Deletion, { userId });
      const run = this.steps.get(step);
      // Of a newer version, or of settings from before.
      if (!run) throw new StepFailure('no such step here');
      const result = await answeredInTime(run(deletion, this.parts), STEP_MS);
      if (result !== true) {
        const due = result ? inSeconds(result.askAgainInSeconds) : raw(PAUSE, [userId]);
        await this.#giveBack(claimed, { nextAttemptAt: due });
        return false;
      }
      await this.#settle(userId, step, {
        status: ReceiptStatus.DONE,
        attempts: attempts + 1,
        lastError: null,
        finishedAt: raw('now()'),
      });
      log.info({ userId, step }, 'deletion step done');
      return true;
    } catch (error) {
      // The database is at fault and not the step: its lease ends, and it is tried again. Another system that a step
      // cannot reach gives the same codes, so the database is asked.
      if (outageOf(error)) await em.fork().execute('select 1');
      await this.#fail(claimed, error);
      return false;
    }
  }

  async #fail(claimed: Claimed, error: unknown): Promise<void> {
    const { userId, step } = claimed;
    const attempts = claimed.attempts + 1;
    const isLast = attempts >= this.settings.deletionAttempts;
    const lastError = reasonOf(error);
    const pauseSeconds = Math.min(2 ** attempts, MAX_PAUSE_SECONDS) * (0.5 + Math.random());
    const isGivenBack = await this.#giveBack(claimed, {
      status: isLast ? ReceiptStatus.FAILED : ReceiptStatus.PENDING,
      attempts,
      lastError,
      nextAttemptAt: inSeconds(pauseSeconds),
    });
    if (!isGivenBack) return;
    if (isLast)
      this.parts.log.error(
        { err: error, userId, step },
        'deletion step failed: npm run deletions:retry tries it again',
      );
    else this.parts.log.warn({ err: error, userId, step, attempts }, 'deletion step not done; trying again');
  }

  /** The purge waits for all others, and looks again. */
  async #settle(userId: string, step: string, changes: EntityData<DeletionReceipt>): Promise<void> {
    const pending = { userId, status: ReceiptStatus.PENDING };
    await this.parts.em.fork().transactional(async (em) => {
      await em.nativeUpdate(DeletionReceipt, { ...pending, step }, changes);
      if (step !== PURGE)
        await em.nativeUpdate(DeletionReceipt, { ...pending, step: PURGE }, { nextAttemptAt: raw('now()') });
    });
  }

  /** Only where it has the lease still: a step that was made due meanwhile stays due. Answers whether it had. */
  async #giveBack({ userId, step, leasedUntil }: Claimed, changes: EntityData<DeletionReceipt>): Promise<boolean> {
    const leased = { userId, step, status: ReceiptStatus.PENDING, nextAttemptAt: raw('?::timestamptz', [leasedUntil]) };
    return (await this.parts.em.fork().nativeUpdate(DeletionReceipt, leased, changes)) > 0;
  }
}

/** Times are those of the database: processes may have others. */
const inSeconds = (seconds: number) => raw(`now() + ? * interval '1 second'`, [seconds]);

/** What an admin may read: words of our own, or a code. */
function reasonOf(error: unknown): string {
  if (error instanceof StepFailure || error instanceof NoAnswer) return error.message.slice(0, MAX_REASON_LENGTH);
  const { code, name } = error as { code?: unknown; name?: unknown };
  return String(code ?? name ?? 'unknown').slice(0, MAX_REASON_LENGTH);
}
