import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { MikroORM, type Options } from '@mikro-orm/core';
import type { PgliteConnection } from '@mikro-orm/pglite';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Client } from 'pg';
import type { Logger } from 'pino';
import { endBy } from '../process/run.js';
import { StartFailure } from '../process/start-failure.js';
import { lockFolder } from './folder-lock.js';
import { outageOf, UNTRUSTED } from './outage.js';

/** Folder name of the embedded database that lives in memory and ends with its process. */
export const IN_MEMORY = 'memory://';
/**
 * Of each connection. A host that lost its power, or is cut off, closes none: a statement in hand would be waited for
 * without an end.
 */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 };

/** PostgreSQL at `databaseUrl`, or the embedded one in `dataDir`. */
export interface DatabaseConfig {
  databaseUrl: string | null;
  /** Streaming replicas of it, which serve reads alone. */
  databaseReplicaUrls?: string[] | null;
  dataDir: string;
  /** A statement ends after it; without one, as the server says. Not of the embedded database. */
  statementTimeoutMs?: number;
}

/** Any number that no other program locks in the same database. */
const MIGRATION_LOCK = 7_236_454_101;
const LOCK_LOOK_MS = 250;
/** PostgreSQL's code for a lock that was not had in time. */
const LOCK_NOT_AVAILABLE = '55P03';
const TABLES_FREE_MS = 600_000;
const RECONNECT_MS = 1_000;
const CLOSE_MS = 1_500;
/** As `server_version_num` has it. */
const OLDEST_VERSION = 150_000;

export interface Database {
  orm: MikroORM;
  em: EntityManager;
  close(): Promise<void>;
}

/**
 * `mayBeAway` is for a process that can wait for its database; for others an outage is a failure, too.
 * @throws {StartFailure} if it cannot be used: another process has the embedded database, which two would destroy, or
 *   PostgreSQL refuses us.
 */
export async function openDatabase(
  config: DatabaseConfig,
  optionsFor: (config: DatabaseConfig) => Promise<Partial<Options>>,
  { mayBeAway = false } = {},
): Promise<Database> {
  const unlock = config.databaseUrl || config.dataDir === IN_MEMORY ? () => undefined : lockFolder(config.dataDir);
  let closing: Promise<void> | null = null;
  try {
    const orm = await MikroORM.init(await optionsFor(config));
    const em = orm.em as EntityManager;
    await assertUsable(em, config, mayBeAway).catch(async (error) => {
      await orm.close(true).catch(() => undefined);
      throw error;
    });
    const close = async () => {
      await endBy(performance.now() + CLOSE_MS, orm.close());
      unlock();
    };
    return {
      orm,
      em,
      close() {
        closing ??= close();
        return closing;
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** @throws {StartFailure} that names the setting and the mend. */
async function assertUsable(em: EntityManager, { databaseUrl }: DatabaseConfig, mayBeAway: boolean): Promise<void> {
  if (!databaseUrl) {
    await em.execute('select 1').catch(() => {
      throw new StartFailure(
        'DATA_DIR holds a database that cannot be opened: bring back a copy, or set another folder.',
      );
    });
    return;
  }
  const [row] = await em
    .execute<{ version: number }[]>(`select current_setting('server_version_num')::int as version`)
    .catch((error) => {
      // A name that is not known is a wrong setting more often than an outage, as is a certificate.
      const isWrong = error.code === 'ENOTFOUND' || UNTRUSTED.test(error.code);
      if (mayBeAway && !isWrong && outageOf(error)) return [];
      throw new StartFailure(`DATABASE_URL ${refusalOf(error)}`);
    });
  if (row && row.version < OLDEST_VERSION)
    throw new StartFailure('DATABASE_URL leads to a PostgreSQL that is too old: 15 or newer is needed.');
}

const REFUSALS: Partial<Record<string, string>> = {
  '28P01': 'has a user or a password that the server does not take: correct them.',
  '28000': 'has a user that the server does not let in: correct it, or allow it in pg_hba.conf.',
  '3D000': 'names a database that is not there: create it, or correct the name.',
  '42501': 'has a user without the right to connect: grant it, or use another.',
  '53300': 'leads to a server that has no connection free: end some, or raise max_connections.',
  '57P03': 'leads to a server that is starting or stopping: start again when it is there.',
  SSL: 'leads to a server without TLS: turn it on there, or leave out sslmode.',
  ENOTFOUND: 'has a host that no address is known for: correct it.',
};

function refusalOf({ code, message }: Error & { code?: string }): string {
  const why = code ?? (/timeout/i.test(message) ? 'no answer in time' : /SSL/.test(message) ? 'SSL' : 'unknown');
  if (UNTRUSTED.test(why))
    return `leads to a server whose certificate is not trusted (${why}): correct its host, or name its authority as sslrootcert.`;
  return (
    REFUSALS[why] ?? `leads to no PostgreSQL that answers (${why}): start it, or correct host, port and parameters.`
  );
}

/**
 * Brings the schema up to date. Of processes that start together one does it, and the others wait for it. `onWait` hears
 * once that a migration waits for a table.
 * @throws if another transaction has held the table for ten minutes.
 */
export async function migrate(database: Database, config: DatabaseConfig, onWait = () => {}): Promise<string[]> {
  if (!config.databaseUrl) return runMigrations(database, onWait);
  for (;;) {
    // Each look is a transaction of its own, and waits for nothing. An index that is made concurrently waits for the end
    // of each transaction that has a statement at that moment, and would not end while one looks on.
    const migrated = await database.em
      .fork()
      .transactional(async (lock) => ((await takesLock(lock)) ? runMigrations(database, onWait) : null));
    if (migrated) return migrated;
    await delay(LOCK_LOOK_MS);
  }
}

async function runMigrations(database: Database, onWait: () => void): Promise<string[]> {
  const pending = await pendingMigrations(database);
  const giveUp = performance.now() + TABLES_FREE_MS;
  for (let hasWaited = false; ; hasWaited = true) {
    try {
      await database.orm.migrator.up();
      return pending;
    } catch (error) {
      if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE || performance.now() > giveUp) throw error;
      if (!hasWaited) onWait();
      await delay(LOCK_LOOK_MS);
    }
  }
}

async function takesLock(em: EntityManager): Promise<boolean> {
  const [row] = await em.execute<{ taken: boolean }[]>('select pg_try_advisory_xact_lock(?) as taken', [
    MIGRATION_LOCK,
  ]);
  return row?.taken === true;
}

export const pendingMigrations = async ({ orm }: Database) => (await orm.migrator.getPending()).map(({ name }) => name);

/** False on a standby, and where the server or the role is set to read only: a look, not a write. */
export async function takesWrites({ em }: Database): Promise<boolean> {
  const [row] = await em
    .fork()
    .execute<{ writes: boolean }[]>(
      `select not (pg_is_in_recovery() or current_setting('transaction_read_only')::boolean) as writes`,
    );
  return row?.writes === true;
}

/** @throws {StartFailure} for a command that needs the schema of today. */
export async function assertMigrated(database: Database): Promise<void> {
  if ((await pendingMigrations(database)).length > 0)
    throw new StartFailure('Migrations are pending: run npm run migrate.');
}

export interface DatabaseListener {
  /** A committed change told something: `outbox`, or `user` with an id. */
  onSignal(signal: string): void;
  /** From now on signals are heard, and some may have been missed. */
  onListening(): void;
}

/** Hears what the triggers tell, for as long as the process lives. Returns what ends it. */
export async function listenToDatabase(
  { em }: Database,
  { databaseUrl }: DatabaseConfig,
  log: Logger,
  listener: DatabaseListener,
): Promise<() => Promise<void>> {
  if (databaseUrl) return listenToPostgres(databaseUrl, log, listener);
  const pglite = await (em.getConnection() as unknown as PgliteConnection).getNativeClient();
  // Called while a statement runs, and so within the transaction that the caller of that statement is in: bound, it is
  // outside.
  const onSignal = AsyncLocalStorage.bind((payload: string) => listener.onSignal(payload));
  const unlisten = await pglite.listen('gatehouse', onSignal);
  listener.onListening();
  return () => unlisten();
}

function listenToPostgres(connectionString: string, log: Logger, listener: DatabaseListener): () => Promise<void> {
  const stopping = new AbortController();
  let client: Client | null = null;
  let said = '';
  // It tries every second: a long outage is one line.
  const say = (error: Error, what: string) => {
    if (said !== what) log.warn({ reason: outageOf(error)?.reason ?? error.message }, what);
    said = what;
  };

  const listening = (async () => {
    while (!stopping.signal.aborted) {
      client = new Client({ connectionString, ...KEEP_ALIVE, application_name: 'gatehouse listener' });
      const ended = new Promise<void>((resolve) => client?.once('end', () => resolve()));
      client.on('error', (error) => say(error, 'database listener lost its connection'));
      client.on('notification', ({ payload }) => listener.onSignal(payload ?? ''));
      try {
        await client.connect();
        await client.query('listen gatehouse');
        said = '';
        listener.onListening();
        await ended;
      } catch (error) {
        say(error as Error, 'database listener cannot connect');
        await client.end().catch(() => undefined);
      }
      await delay(RECONNECT_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();

  return async () => {
    stopping.abort();
    await client?.end().catch(() => undefined);
    await listening;
  };
}
