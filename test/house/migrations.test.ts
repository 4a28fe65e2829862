// A migration holds up no request on large tables, and leaves what the version before needs; its statements are those
// that it runs, read by PostgreSQL's own parser.

import { describe, expect, test } from '@jest/globals';
import { databaseOptions } from '../../mikro-orm.config.js';
import { IN_MEMORY, openDatabase } from '../../src/database/database.js';
import { SHORT_LOCKS } from '../../src/database/short-locks.js';
import { blockingDdl } from '../support/blocking-ddl.js';
import { recordStatements } from '../support/record-statements.js';

/** All are of one release with the tables that they change, or older than the first one. None may be added. */
const BEFORE_RELEASE = [
  '20261126000002_import_identity',
  '20261126000004_name_key',
  '20261126000005_account_closed_mail',
  '20261126000006_session_use',
  '20261128000002_participants',
];

describe('the migrations', () => {
  test('hold up no request, however large the tables are', async () => {
    const database = await openDatabase({ databaseUrl: null, dataDir: IN_MEMORY }, databaseOptions);
    const statements = recordStatements(database);
    const blocking: Record<string, string[]> = {};
    let run = 0;
    try {
      for (const { name } of await database.orm.migrator.getPending()) {
        statements.length = 0;
        await database.orm.migrator.up({ to: name });
        const own = statements
          .filter((statement) => !statement.includes('mikro_orm_migrations'))
          .map((statement) => statement.replaceAll('?', '$1'));
        run += own.length;
        const found = await blockingDdl(own);
        if (found.length > 0) blocking[name] = found;
      }
    } finally {
      await database.close();
    }

    expect(run).toBeGreaterThan(50);
    expect(Object.keys(blocking)).toEqual(BEFORE_RELEASE);
  });
});

describe('a statement that would hold up requests', () => {
  test.each([
    ['create index i on users (name)', ['users: makes an index, not concurrently']],
    ['create unique index i on users (name)', ['users: makes an index, not concurrently']],
    ['create index concurrently i on users (name)', []],
    ['create table t (a int); create index i on t (a)', []],
    ['drop index i', []],
    ['reindex table users', ['users: makes an index anew, not concurrently']],
    ['reindex (concurrently) table users', []],
    ['alter table users add column a text null', []],
    ["alter table users add column a text not null default ''", []],
    ['alter table users add column a timestamptz not null default now()', []],
    ['alter table users add column a text not null', ['users: a is not null and has no default']],
    ['alter table users add column a uuid default gen_random_uuid()', ['users: a has a default that differs by row']],
    ['alter table users add column a int unique', ['users: a makes an index, not concurrently']],
    ['alter table users add column a uuid references roles (id)', ['users: a is looked at in each row']],
    ['alter table users alter column a type bigint', ['users: a gets another type']],
    ['alter table users alter column a set not null', ['users: a is looked at in each row']],
    ['alter table users alter column a set default 1', []],
    ['alter table users drop column a', ['users: a is dropped, which the version before uses']],
    ['alter table users add constraint c check (a > 0)', ['users: a constraint is looked at in each row']],
    ['alter table users add constraint c check (a > 0) not valid', []],
    ['alter table users validate constraint c', []],
    ['alter table users add foreign key (a) references roles (id)', ['users: a constraint is looked at in each row']],
    ['alter table users add foreign key (a) references roles (id) not valid', []],
    ['alter table users add constraint c unique (a)', ['users: a constraint makes an index, not concurrently']],
    ['alter table users add constraint c unique using index i', []],
    ['alter table users rename column a to b', ['users: renames what the version before uses']],
    ['alter table users rename to people', ['users: renames what the version before uses']],
    ['drop table users', ['users: is dropped']],
    ['update users set a = 1', ['users: changes rows in one transaction']],
    ['delete from users where a = 1', ['users: deletes rows in one transaction']],
    ['truncate users', ['users: is locked as a whole']],
    ['lock table users', ['users: is locked as a whole']],
    ['vacuum full users', ['the database: is written anew']],
    ['insert into roles (name) values (1)', []],
    ['create trigger t after insert on users for each row execute function f()', []],
  ])('%s', async (sql, expected) => {
    expect(await blockingDdl([SHORT_LOCKS, sql])).toEqual(expected);
  });

  test.each([
    'alter table users add column a text null',
    'alter table users alter column a set default 1',
    'alter table users disable trigger t',
    'create trigger t after insert on users for each row execute function f()',
    'drop trigger t on users',
  ])('%s, without a bound for its wait', async (sql) => {
    const found = ['users: is locked, and without SHORT_LOCKS others wait behind it'];

    expect(await blockingDdl([sql])).toEqual(found);
    expect(await blockingDdl(["set lock_timeout = '100ms'", sql])).toEqual(found);
    expect(await blockingDdl([SHORT_LOCKS, sql])).toEqual([]);
    expect(await blockingDdl(['create table users (a int)', sql])).toEqual([]);
  });
});
