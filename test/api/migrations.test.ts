// Migrations make what the entities say, go both ways, and keep the rows that are there; they are run on a database
// with rows.

import { expect, test } from '@jest/globals';
import { describeApi } from '../support/app.js';

describeApi('migrations', (app) => {
  const difference = () => app().database.orm.schema.getUpdateSchemaSQL({ wrap: false });

  test('make what the entities say', async () => {
    expect(await difference()).toBe('');
  });

  test('go back to nothing and forwards again', async () => {
    const { orm, em } = app().database;
    const tables = async () =>
      (
        await em.execute(`select table_name from information_schema.tables where table_schema = 'public' order by 1`)
      ).map(({ table_name }) => table_name);
    const before = await tables();

    await orm.migrator.down({ to: 0 });
    const between = await tables();
    const functions = await em.execute(`select proname from pg_proc where pronamespace = 'public'::regnamespace`);
    await orm.migrator.up();

    expect(between).toEqual(['mikro_orm_migrations']);
    expect(functions).toEqual([]);
    expect(await tables()).toEqual(before);
    expect(await difference()).toBe('');
  });

  test('fill in what the names of those who are there are found by, and change nothing else of them', async () => {
    const { orm, em } = app().database;
    await orm.migrator.down({ to: '20261125000001_audit' });
    await em.execute(`insert into users (id, email, password_hash, name, created_at, updated_at)
      select gen_random_uuid(), 'user' || n || '@example.com', 'none', 'ZOË ' || n, now(), now() - interval '1 day' from generate_series(1, 1500) as n`);
    const rows = () => em.execute(`select id, email, name, updated_at from users order by id`);
    const before = await rows();

    await orm.migrator.up();

    expect(before).toHaveLength(1500);
    expect(await rows()).toEqual(before);
    expect(await em.execute(`select count(*)::int as count from users where name_key like 'zoe %'`)).toEqual([
      { count: 1500 },
    ]);
    const triggers = await em.execute(`select tgenabled from pg_trigger where tgname = 'users_changed'`);
    expect(triggers).toEqual([{ tgenabled: 'O' }]);
    await em.execute('delete from users');
  });

  test('know the users of former imports by the address that was imported', async () => {
    const { orm, em } = app().database;
    await orm.migrator.down({ to: '20261125000001_audit' });
    // The digit in front of the third part's number is the version of the UUID.
    const [stays, moved, closed, open, member] = ['5001', '5002', '5003', '5004', '7001'].map(
      (part) => `00000000-0000-${part}-8000-000000000000`,
    );
    await em.execute(
      `insert into users (id, email, password_hash, name, created_at, updated_at, deleted_at) values
        (?, 'stays@example.com', '', '', now(), now(), null), (?, 'new@example.com', '', '', now(), now(), null),
        (?, 'twice@example.com', '', '', now(), now(), now()), (?, 'twice@example.com', '', '', now(), now(), null),
        (?, 'member@example.com', '', '', now(), now(), null)`,
      [stays, moved, closed, open, member],
    );
    await em.execute(
      `insert into mails (id, user_id, kind, recipient, language, ordered_at)
        values (gen_random_uuid(), ?, 'email_changed', 'old@example.com', 'en', now())`,
      [moved],
    );

    await orm.migrator.up();

    expect(
      await em.execute('select id, imported_email from users where imported_email is not null order by id'),
    ).toEqual([
      { id: stays, imported_email: 'stays@example.com' },
      { id: moved, imported_email: 'old@example.com' },
      { id: open, imported_email: 'twice@example.com' },
    ]);
    await em.execute('delete from users');
  });

  test('seed the roles and make the indexes that lists are read by', async () => {
    const { em } = app().database;
    const roles = await em.execute('select name from roles order by name');
    const indexes = await em.execute(`select indexname from pg_indexes where tablename = 'users' order by 1`);

    expect(roles).toEqual([{ name: 'ADMIN' }, { name: 'MEMBER' }]);
    expect(indexes.map(({ indexname }) => indexname)).toEqual([
      'idx_users_closed',
      'idx_users_created_at',
      'idx_users_email',
      'idx_users_email_part',
      'idx_users_is_active',
      'idx_users_name',
      'idx_users_name_part',
      'idx_users_role_id',
      'idx_users_updated_at',
      'users_external_id',
      'users_imported_email',
      'users_open_email',
      'users_pkey',
    ]);
  });
});
