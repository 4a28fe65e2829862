import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PgliteConnection } from '@mikro-orm/pglite';
import { databaseOptions } from '../../mikro-orm.config.js';
import { type Database, type DatabaseConfig, IN_MEMORY, migrate, openDatabase } from '../../src/database/database.js';
import { oncePerRun, RUN_FOLDER } from './once-per-run.js';
import { sharedPostgres } from './servers/postgres.js';

/** URL of a fresh database with the schema of today: migrations run once in a run of tests, and are copied from there. */
export async function migratedPostgres(): Promise<string> {
  const { createDatabase } = await sharedPostgres();
  const { template } = await oncePerRun('migrated-postgres', async () => {
    const url = await createDatabase();
    await migrated({ databaseUrl: url, dataDir: IN_MEMORY }, async () => undefined);
    return { template: new URL(url).pathname.slice(1) };
  });
  return createDatabase(undefined, template);
}

/** Opens an embedded database in memory in the same way. */
export async function openMigratedEmbedded(config: DatabaseConfig): Promise<Database> {
  const { path } = await oncePerRun('migrated-embedded', () =>
    migrated({ databaseUrl: null, dataDir: IN_MEMORY }, async ({ em }) => {
      const path = join(RUN_FOLDER, 'pglite.tar');
      const pglite = await (em.getConnection() as unknown as PgliteConnection).getNativeClient();
      // Two thirds of the files, which no suite reads.
      for (const name of ['template0', 'template1']) {
        await pglite.query(`alter database ${name} is_template false`);
        await pglite.query(`drop database ${name}`);
      }
      writeFileSync(path, Buffer.from(await (await pglite.dumpDataDir('none')).arrayBuffer()));
      return { path };
    }),
  );
  const dump = readFileSync(path);
  // What is read of a Blob. A real one does not survive MikroORM's copy of its options.
  const loadDataDir = { type: 'application/x-tar', arrayBuffer: async () => dump };
  return openDatabase(config, async (given) => {
    const options = await databaseOptions(given);
    return { ...options, driverOptions: { ...(options.driverOptions as object), loadDataDir } };
  });
}

async function migrated<T>(config: DatabaseConfig, use: (database: Database) => Promise<T>): Promise<T> {
  const database = await openDatabase(config, databaseOptions);
  try {
    await migrate(database, config);
    return await use(database);
  } finally {
    await database.close();
  }
}
