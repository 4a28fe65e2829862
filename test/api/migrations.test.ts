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

  test('seed the roles and make the indexes that lists are read by', async () => {
    const { em } = app().database;
    const roles = await em.execute('select name from roles order by name');
    const indexes = await em.execute(`select indexname from pg_indexes where tablename = 'users' order by 1`);

    expect(roles).toEqual([{ name: 'ADMIN' }, { name: 'MEMBER' }]);
    expect(indexes.map(({ indexname }) => indexname)).toEqual([
      'idx_users_created_at',
      'idx_users_email',
      'idx_users_is_active',
      'idx_users_name',
      'idx_users_role_id',
      'idx_users_updated_at',
      'users_open_email',
      'users_pkey',
    ]);
  });
});
