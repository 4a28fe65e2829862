// An import makes and announces each user once, whatever happens to it: it is killed in the middle, runs twice at once, and
// loses its database.

import { expect, test } from '@jest/globals';
import { Client } from 'pg';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { announcedOnce, fileOf, IMPORT, importInto, lines, row } from '../support/imports.js';
import { lockWaits } from '../support/locks.js';
import { runCommand, select, startProcess } from '../support/processes.js';
import { sharedPostgres } from '../support/servers/postgres.js';

const MIGRATE = 'dist/src/commands/migrate.js';

describeWithServers(['postgres'], 'npm run users:import', () => {
  async function emptyDatabase(): Promise<string> {
    const url = await (await sharedPostgres()).createDatabase();
    await runCommand(MIGRATE, [], { DATABASE_URL: url });
    return url;
  }

  test('killed wherever it is and started again, it makes and announces each user once', async () => {
    const url = await emptyDatabase();
    const rows = Array.from({ length: 4_000 }, () => row());
    const path = fileOf(lines(rows));
    const counts: number[] = [];

    for (const at of [0, 700, 1_999, 3_999]) {
      // Somebody is about to register with the address of this line, so the import waits there, its batch half done.
      const rival = new Client({ connectionString: url });
      await rival.connect();
      await rival.query('begin');
      await rival.query(
        `insert into users (id, email, password_hash, name, created_at, updated_at) values (gen_random_uuid(), $1, '', '', now(), now())`,
        [rows[at]?.email],
      );
      await using running = startProcess(IMPORT, { DATABASE_URL: url }, { args: [path] });
      await eventually(async () => expect(await lockWaits(url)).toBe(1));
      await running.kill();
      await rival.query('rollback');
      await rival.end();
      await eventually(async () => expect(await lockWaits(url)).toBe(0));
      const [{ count }] = await select(url, 'select count(*)::int from users');
      counts.push(count);
      expect(await announcedOnce(url)).toHaveLength(count);
    }
    const last = await runCommand(IMPORT, [path], { DATABASE_URL: url });

    const there = counts.at(-1) ?? 0;
    expect(counts[0]).toBe(0);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(there).toBeGreaterThan(0);
    expect([last.code, last.output]).toEqual([
      0,
      `Imported: ${rows.length - there}, already there: ${there}, refused: 0\n`,
    ]);
    expect(await select(url, 'select email from users')).toHaveLength(rows.length);
    expect(await announcedOnce(url)).toHaveLength(rows.length);
    expect(await select(url, 'select id from outbox')).toHaveLength(rows.length);
  });

  test('two imports of the same people at once, in opposite orders, make and announce each once', async () => {
    const url = await emptyDatabase();
    const rows = Array.from({ length: 3_000 }, () => row());

    const both = await Promise.all([rows, rows.toReversed()].map((some) => importInto(url, lines(some))));

    const counts = both.map(({ output }) => output.match(/\d+/g)?.map(Number) ?? []);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(counts.reduce((sum, [imported = 0]) => sum + imported, 0)).toBe(rows.length);
    expect(counts.reduce((sum, [, there = 0]) => sum + there, 0)).toBe(rows.length);
    expect(await select(url, 'select id from users')).toHaveLength(rows.length);
    expect(await announcedOnce(url)).toHaveLength(rows.length);
  });

  test.each([
    ['the audit', `alter table audit_events add constraint no_canary check (action <> 'user.imported')`],
    ['the events', `alter table outbox add constraint no_canary check (type <> 'user.registered')`],
  ])('what %s cannot take is no fault of a line, and stops the import', async (_, damage) => {
    const url = await emptyDatabase();
    await select(url, damage);

    const { code, output } = await importInto(url, lines([row(), row()]));

    expect(output).toMatch(/^The import stopped \(23514\)\. .*\n$/);
    expect(code).toBe(1);
    expect(await select(url, 'select id from users')).toEqual([]);
  });

  test('a row that the database does not take is refused alone', async () => {
    const url = await emptyDatabase();
    await select(url, `alter table users add constraint no_canary check (name <> 'Canary')`);
    const rows = Array.from({ length: 20 }, () => row());

    const { code, output } = await importInto(url, lines([...rows, row({ name: 'Canary' }), row()]));

    expect(output).toBe('line 21: is refused by the database (23514)\nImported: 21, already there: 0, refused: 1\n');
    expect(code).toBe(1);
  });

  test('a database that goes away in the middle is told in one line, without a value', async () => {
    const url = await emptyDatabase();
    const rows = Array.from({ length: 600 }, () => row());
    const rival = new Client({ connectionString: url });
    await rival.connect();
    await rival.query('begin; lock table outbox');
    await using running = startProcess(IMPORT, { DATABASE_URL: url }, { args: [fileOf(lines(rows))] });
    await eventually(async () => expect(await lockWaits(url)).toBe(1));

    await rival.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    );
    await rival.end();

    expect(await running.exited).toEqual({ code: 1, signal: null });
    expect(running.output()).toMatch(
      /^The import stopped \(\w+\)\. What was imported is kept: repeat the command to go on\.\n$/,
    );
    expect(await select(url, 'select id from users')).toEqual([]);
  });
});
