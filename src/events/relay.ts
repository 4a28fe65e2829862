import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { outageOf } from '../database/outage.js';
import type { EventBus } from './bus.js';
import { type OutboxEvent, toCloudEvent } from './outbox.entity.js';

/** Of slow ones as many as go on at once: all must be done within the lease. */
const [BATCH, SLOW_BATCH] = [100, 5];
/** Longer than a publication may take, or a slow confirm would be published by two. */
const LEASE_SECONDS = 30;
const BACKOFF = "now() + least(power(2, attempts), 60) * interval '1 second'";
/** Notifications can be lost; an event waits no longer than this for the next look. */
const POLL_MS = 2_000;

type Claimed = Pick<OutboxEvent, 'id' | 'type' | 'subject' | 'data' | 'occurredAt' | 'attempts'>;

/** Which events one relay takes, how many in a batch, and how many batches at once where there is that much. */
interface Lane {
  where: string;
  batch: number;
  atOnce: number;
}

/** One relay for all events, or one for the slow ones and one for all others. */
export function relaysFor(em: EntityManager, bus: EventBus, log: Logger): Relay[] {
  const slow = bus.slowTypes.map((type) => `'${type}'`).join(', ');
  const lanes: Lane[] = slow
    ? [
        { where: `type not in (${slow})`, batch: BATCH, atOnce: bus.batchesAtOnce },
        { where: `type in (${slow})`, batch: SLOW_BATCH, atOnce: 1 },
      ]
    : [{ where: 'true', batch: BATCH, atOnce: bus.batchesAtOnce }];
  return lanes.map((lane) => new Relay(em, bus, log, lane));
}

/**
 * Takes committed events from the outbox to the bus, at least once, oldest first as far as one relay goes. Several
 * relays share the work: each claims rows of its own for a lease, and no transaction is open while the bus is slow. A
 * relay that dies leaves its rows due again.
 */
class Relay {
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;
  #again = false;
  #stopped = true;
  #outage: string | null = null;

  constructor(
    private readonly em: EntityManager,
    private readonly bus: EventBus,
    private readonly log: Logger,
    private readonly lane: Lane,
  ) {}

  start(): void {
    this.#stopped = false;
    this.bus.onUp(() => this.wake());
    this.wake();
  }

  /** There may be something to do. Many calls at once are one look. */
  wake(): void {
    if (this.#stopped) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    if (this.#timer) clearTimeout(this.#timer);
    this.#running = this.#drain().finally(() => {
      this.#running = null;
      if (this.#stopped) return;
      this.#timer = setTimeout(() => this.wake(), POLL_MS);
      if (this.#again) this.wake();
    });
  }

  /** Ends after the batches in hand. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#running;
  }

  async #drain(): Promise<void> {
    this.#again = false;
    try {
      // Of most wakes the first batch is the last.
      if (await this.#relayBatch()) await this.#relayTheRest();
      this.#outage = null;
    } catch (error) {
      const reason = outageOf(error)?.reason ?? null;
      // It looks every two seconds: a long outage is one line.
      if (reason === null) this.log.error({ err: error }, 'outbox cannot be read; trying again');
      else if (reason !== this.#outage) this.log.warn({ reason }, 'events wait in the outbox');
      this.#outage = reason;
    }
  }

  /** Ends when each of those at once has ended, also where one fails. */
  async #relayTheRest(): Promise<void> {
    const loops = Array.from({ length: this.lane.atOnce }, async () => {
      while (await this.#relayBatch());
    });
    for (const loop of await Promise.allSettled(loops)) if (loop.status === 'rejected') throw loop.reason;
  }

  /** Whether there may be more. */
  async #relayBatch(): Promise<boolean> {
    if (this.#stopped || !this.bus.isUp()) return false;
    const events = await this.#claim();
    const published: string[] = [];
    const failed: string[] = [];
    await Promise.all(
      events.map(async (event) => {
        try {
          await this.bus.publish(toCloudEvent(event));
          published.push(event.id);
        } catch (error) {
          failed.push(event.id);
          this.log.warn(
            { err: error, eventId: event.id, attempts: event.attempts },
            'event not published; trying again',
          );
        }
      }),
    );
    if (published.length > 0) await this.#update('published_at = now()', published);
    if (failed.length > 0) await this.#update(`next_attempt_at = ${BACKOFF}`, failed);
    return events.length === this.lane.batch;
  }

  /** Plain rows: as entities they would cost more than their publication. */
  async #claim(): Promise<Claimed[]> {
    const rows = await this.em.fork().execute<(Claimed & { occurredMs: number })[]>(
      `update outbox set attempts = attempts + 1, next_attempt_at = now() + interval '${LEASE_SECONDS} seconds'
       where id in (
         select id from outbox where published_at is null and next_attempt_at <= now() and ${this.lane.where}
         order by next_attempt_at, id limit ${this.lane.batch} for update skip locked
       ) returning id, type, subject, data, attempts, (extract(epoch from occurred_at) * 1000)::float8 as "occurredMs"`,
    );
    for (const row of rows) row.occurredAt = new Date(row.occurredMs);
    return rows.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #update(change: string, ids: readonly string[]): Promise<unknown> {
    return this.em.fork().execute(`update outbox set ${change} where id = any(?::uuid[])`, [`{${ids.join()}}`]);
  }
}
