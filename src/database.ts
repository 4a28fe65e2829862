import { AsyncLocalStorage } from 'node:async_hooks';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MikroORM } from '@mikro-orm/core';
import type { PgliteConnection } from '@mikro-orm/pglite';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Client } from 'pg';
import type { Logger } from 'pino';
import { databaseOptions, IN_MEMORY } from '../mikro-orm.config.js';
import type { Config } from './config.js';

type DatabaseConfig = Pick<Config, 'databaseUrl' | 'dataDir'>;

/** Any number that no other program locks in the same database. */
const MIGRATION_LOCK = 7_236_454_101;
const RECONNECT_MS = 1_000;

export interface Database {
  orm: MikroORM;
  em: EntityManager;
  close(): Promise<void>;
}

/** @throws {Error} if the embedded database's folder is in use by another process. */
export async function openDatabase(config: DatabaseConfig): Promise<Database> {
  const unlock = config.databaseUrl || config.dataDir === IN_MEMORY ? () => undefined : lockFolder(config.dataDir);
  const orm = await MikroORM.init(databaseOptions(config));
  return {
    orm,
    em: orm.em as EntityManager,
    async close() {
      await orm.close();
      unlock();
    },
  };
}

/** The embedded database is one process's alone, and would be destroyed by two. */
function lockFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'lock');
  for (;;) {
    try {
      const file = openSync(path, 'wx');
      writeSync(file, String(process.pid));
      closeSync(file);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const pid = Number(readFileSync(path, 'utf8'));
    if (pid > 0 && isAlive(pid))
      throw new Error(
        `The data folder ${folder} is in use by process ${pid}. Stop it, or set DATA_DIR or DATABASE_URL.`,
      );
    rmSync(path, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return pid !== process.pid;
  } catch {
    return false;
  }
}

/** Brings the schema up to date. Of processes that start together one does it, and the others wait for it. */
export async function migrate({ orm, em }: Database, config: DatabaseConfig): Promise<string[]> {
  const up = async () => (await orm.migrator.up()).map(({ name }) => name);
  if (!config.databaseUrl) return up();
  return em.fork().transactional(async (lock) => {
    await lock.execute('select pg_advisory_xact_lock(?)', [MIGRATION_LOCK]);
    return up();
  });
}

export const pendingMigrations = async ({ orm }: Database) => (await orm.migrator.getPending()).map(({ name }) => name);

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
  // Called while a statement runs, and so within the transaction that the caller of that statement is in: bound, it is outside.
  const onSignal = AsyncLocalStorage.bind((payload: string) => listener.onSignal(payload));
  const unlisten = await pglite.listen('gatehouse', onSignal);
  listener.onListening();
  return () => unlisten();
}

function listenToPostgres(connectionString: string, log: Logger, listener: DatabaseListener): () => Promise<void> {
  const stopping = new AbortController();
  let client: Client | null = null;

  const listening = (async () => {
    while (!stopping.signal.aborted) {
      client = new Client({ connectionString, keepAlive: true, application_name: 'gatehouse listener' });
      const ended = new Promise<void>((resolve) => client?.once('end', () => resolve()));
      client.on('error', (error) => log.warn({ reason: error.message }, 'database listener lost its connection'));
      client.on('notification', ({ payload }) => listener.onSignal(payload ?? ''));
      try {
        await client.connect();
        await client.query('listen gatehouse');
        listener.onListening();
        await ended;
      } catch (error) {
        log.warn({ err: error }, 'database listener cannot connect');
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
