// Requests go on while a migration runs, many may start it at once, and one that was killed in the middle is run again;
// transactions that are open make it wait.

import { expect, test } from '@jest/globals';
import { Client } from 'pg';
import { databaseOptions } from '../../mikro-orm.config.js';
import { IN_MEMORY, openDatabase } from '../../src/database/database.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { runCommand, select, startProcess } from '../support/processes.js';
import { sharedPostgres } from '../support/servers/postgres.js';

const MIGRATE = 'dist/src/commands/migrate.js';
/** The next one adds a column to users. */
const LAST_WITH_OLD_USERS = '20261125000001_audit';
const LAST_WITHOUT_INDEXES = '20261128000002_participants';

/** A database of a version that had no more than this migration. */
async function databaseAt(migration: string): Promise<string> {
  const databaseUrl = await (await sharedPostgres()).createDatabase();
  const database = await openDatabase({ databaseUrl, dataDir: IN_MEMORY }, databaseOptions);
  await database.orm.migrator.up({ to: migration });
  await database.close();
  return databaseUrl;
}

describeWithServers(['postgres'], 'a migration', () => {
  test('is run once by many who start at the same moment', async () => {
    const DATABASE_URL = await (await sharedPostgres()).createDatabase();

    const runs = await Promise.all(Array.from({ length: 4 }, () => runCommand(MIGRATE, [], { DATABASE_URL })));

    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    const rows = await select(DATABASE_URL, 'select name from mikro_orm_migrations');
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  });

  test('does not let others wait behind it while it waits for a table', async () => {
    const DATABASE_URL = await databaseAt(LAST_WITH_OLD_USERS);
    const reader = new Client({ connectionString: DATABASE_URL });
    await reader.connect();
    await reader.query('begin; select count(*) from users');

    const migrating = startProcess(MIGRATE, { DATABASE_URL });
    await eventually(() => expect(migrating.output()).toContain('waits for a table'));
    const rows = await Promise.all(Array.from({ length: 20 }, () => select(DATABASE_URL, 'select id from users')));
    const pending = await select(DATABASE_URL, `select name from mikro_orm_migrations where name > $1`, [
      LAST_WITH_OLD_USERS,
    ]);
    await reader.query('commit');
    await reader.end();

    expect(rows).toEqual(rows.map(() => []));
    expect(pending).toEqual([]);
    expect(await migrating.exited).toEqual({ code: 0, signal: null });
  });

  test('holds up no change of users while it makes indexes; killed in the middle, it makes them anew', async () => {
    const DATABASE_URL = await databaseAt(LAST_WITHOUT_INDEXES);
    const indexes = () =>
      select(
        DATABASE_URL,
        `select relname, indisvalid from pg_index join pg_class on pg_class.oid = indexrelid
         where relname in ('idx_users_name_part', 'idx_users_email_part', 'idx_users_closed') order by relname`,
      );
    // An index is made concurrently when all that was open at its begin has ended.
    const reader = new Client({ connectionString: DATABASE_URL });
    await reader.connect();
    await reader.query('begin isolation level repeatable read; select count(*) from users');

    const killed = startProcess(MIGRATE, { DATABASE_URL });
    await eventually(async () =>
      expect(await indexes()).toEqual([{ relname: 'idx_users_name_part', indisvalid: false }]),
    );
    await select(
      DATABASE_URL,
      `insert into users (id, email, password_hash, name, created_at, updated_at)
       values (gen_random_uuid(), 'meanwhile@example.com', '', 'Ada', now(), now())`,
    );
    await killed.kill();
    const between = await indexes();
    await reader.end();
    const { code } = await runCommand(MIGRATE, [], { DATABASE_URL });

    expect(between).toEqual([{ relname: 'idx_users_name_part', indisvalid: false }]);
    expect(code).toBe(0);
    expect(await indexes()).toEqual(
      ['idx_users_closed', 'idx_users_email_part', 'idx_users_name_part'].map((relname) => ({
        relname,
        indisvalid: true,
      })),
    );
  });
});
