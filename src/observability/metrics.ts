import cluster from 'node:cluster';
import type { EntityManager } from '@mikro-orm/postgresql';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** One statement, on indexes that hold nothing but what is open. */
const WAITING = `select
  (select count(*)::int from outbox where published_at is null) as events,
  (select coalesce(extract(epoch from now() - min(occurred_at)), 0)::float8 from outbox where published_at is null)
    as oldest,
  (select count(*)::int from deletion_receipts where status = 'pending') as pending,
  (select count(*)::int from deletion_receipts where status = 'failed') as failed,
  (select count(*)::int from deletions where overdue_at is not null
    and user_id in (select user_id from deletion_receipts where status <> 'done')) as overdue`;

interface Waiting {
  events: number;
  oldest: number;
  pending: number;
  failed: number;
  overdue: number;
}

/**
 * What an operator watches, in the text format of Prometheus: how the process is, and what waits in the database, which
 * is the same from each instance. While the database is away, what waits is left out, and `gatehouse_database_up` is 0.
 */
export class Metrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #process = new Registry();
  readonly #waiting = new Registry();
  readonly #up = gauge(this.#process, 'database_up', 'Whether the database answers.');
  readonly #events = gauge(this.#waiting, 'outbox_events', 'Events that are not published yet.');
  readonly #oldest = gauge(
    this.#waiting,
    'outbox_oldest_seconds',
    'Age of the oldest event that is not published yet.',
  );
  readonly #steps = gauge(this.#waiting, 'deletion_steps', 'Steps of deletions that are owed.', ['status']);
  readonly #overdue = gauge(this.#waiting, 'deletions_overdue', 'Deletions that go on after DELETION_DEADLINE.');

  constructor(private readonly em: EntityManager) {
    // Each request for them is answered by one of the workers.
    if (cluster.worker) this.#process.setDefaultLabels({ worker: cluster.worker.id });
    collectDefaultMetrics({ register: this.#process });
  }

  async text(): Promise<string> {
    const waiting = await this.#look().catch(() => null);
    this.#up.set(waiting ? 1 : 0);
    if (!waiting) return this.#process.metrics();
    this.#events.set(waiting.events);
    this.#oldest.set(waiting.oldest);
    this.#steps.set({ status: 'pending' }, waiting.pending);
    this.#steps.set({ status: 'failed' }, waiting.failed);
    this.#overdue.set(waiting.overdue);
    return `${await this.#process.metrics()}${await this.#waiting.metrics()}`;
  }

  async #look(): Promise<Waiting | null> {
    const [row = null] = await this.em.fork().execute<Waiting[]>(WAITING);
    return row;
  }
}

const gauge = <L extends string = never>(register: Registry, name: string, help: string, labelNames: L[] = []) =>
  new Gauge({ name: `gatehouse_${name}`, help, labelNames, registers: [register] });
