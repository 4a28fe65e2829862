import { setTimeout as delay } from 'node:timers/promises';
import type { EntityManager, PostgreSqlConnection } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { answeredInTime } from '../process/answered-in-time.js';
import { outageOf } from './outage.js';

/** For a connection to a replica, and until it has what was committed. */
const ANSWER_MS = 250;
/** A replica is some milliseconds behind; one that is further behind is not waited for. */
const CATCH_UP_MS = 50;
const LOOK_MS = 5;
const REST_MS = 1_000;
/** PostgreSQL's code for a statement that took too long, which it would on the primary, too. */
const TOOK_TOO_LONG = '57014';

/** All that was committed is in the log before this. Without synchronous commits it is seen before the log is flushed. */
const COMMITTED = `select (case current_setting('synchronous_commit')
  when 'off' then pg_current_wal_insert_lsn() else pg_current_wal_flush_lsn() end)::text as lsn`;
/** Null on a server that never was a replica. */
const HAS_REPLAYED = 'select pg_last_wal_replay_lsn() >= ?::pg_lsn as replayed';

/** A replica, or what it must have replayed, could not be asked. */
class ReplicaAway extends Error {}

/**
 * Reads lists and counts on replicas. A reader sees all that was committed before, as on the primary: a replica is asked
 * once it has replayed the primary's log up to that point (a read index, as in Raft: Ongaro 2014, section 6.4). While it
 * is behind, or does not answer, the primary is asked.
 */
export class ReadReplicas {
  readonly #hasReplicas: boolean;
  #restUntil = 0;
  #isAway = false;

  /** Those of MikroORM's configuration; without any, all is read on the primary. */
  constructor(
    private readonly em: EntityManager,
    private readonly log: Logger,
  ) {
    this.#hasReplicas = em.getConnection('read') !== em.getConnection('write');
  }

  /** `work` reads with an entity manager of its own; when a replica fails, it is done again on the primary. */
  async read<T>(work: (em: EntityManager) => Promise<T>): Promise<T> {
    if (this.#hasReplicas && performance.now() >= this.#restUntil) {
      try {
        const read = await this.#onReplica(work);
        if (this.#isAway) this.log.info('lists are read on replicas again');
        this.#isAway = false;
        if (read) return read.result;
      } catch (error) {
        if (!(error instanceof ReplicaAway)) throw error;
        if (!this.#isAway) this.log.warn({ err: error.cause }, 'replicas cannot be read; reading from the primary');
        this.#isAway = true;
        this.#restUntil = performance.now() + REST_MS;
      }
    }
    return work(this.em.fork());
  }

  /** Null where the replica is behind. @throws {ReplicaAway} */
  async #onReplica<T>(work: (em: EntityManager) => Promise<T>): Promise<{ result: T } | null> {
    const { promise: isCurrent, resolve, reject } = Promise.withResolvers<boolean>();
    let isLate = false;
    const reading = this.#afterAllCommits(async (em, isReplayed) => {
      resolve(isReplayed);
      return isReplayed && !isLate ? { result: await work(em) } : null;
    });
    reading.catch(reject);
    try {
      await answeredInTime(isCurrent, ANSWER_MS);
    } catch (cause) {
      isLate = true;
      throw new ReplicaAway('replica', { cause });
    }
    return reading.catch((cause) => {
      const { code } = cause as { code?: string };
      throw outageOf(cause) && code !== TOOK_TOO_LONG ? new ReplicaAway('replica', { cause }) : cause;
    });
  }

  /** `work` hears whether the replica has all that was committed until now. */
  async #afterAllCommits<T>(work: (em: EntityManager, isReplayed: boolean) => Promise<T>): Promise<T> {
    const [{ lsn }] = await this.em.fork().execute<[{ lsn: string }]>(COMMITTED);
    const replica = this.em.getConnection('read') as PostgreSqlConnection;
    // One name may stand for several replicas: what one has replayed counts for its own connection.
    return replica
      .getClient()
      .connection()
      .execute(async (connection) => {
        const em = this.em.fork();
        em.setTransactionContext(connection);
        return work(em, await hasReplayed(em, lsn));
      });
  }
}

/** Whether a replica has the primary's log up to here, now or in a moment. */
async function hasReplayed(em: EntityManager, lsn: string): Promise<boolean> {
  for (const end = performance.now() + CATCH_UP_MS; ; ) {
    const [{ replayed }] = await em.execute<[{ replayed: boolean | null }]>(HAS_REPLAYED, [lsn]);
    if (replayed || performance.now() > end) return replayed === true;
    await delay(LOOK_MS);
  }
}
