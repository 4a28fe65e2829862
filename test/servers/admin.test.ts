// An admin can be made of somebody who has an account, by a command that says what to do; start and commands are run
// on PostgreSQL.

import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { ADMIN, codes, DELETE_USER, freshEmail, member, PASSWORD, signIn } from '../support/people.js';
import { type Env, runCommand, select, startApi, startProcess } from '../support/processes.js';
import { freePort } from '../support/servers/free-port.js';
import { type SharedPostgres, sharedPostgres } from '../support/servers/postgres.js';

const MAIN = 'dist/src/main.js';
const MIGRATE = 'dist/src/commands/migrate.js';
const PROMOTE = 'dist/src/commands/admin-promote.js';
const CREATE = 'dist/src/commands/admin-create.js';
const USERS = 'query { users { totalCount } }';
const NIL = '00000000-0000-0000-0000-000000000000';

describeWithServers(['postgres'], 'an admin whose address has an account', () => {
  let postgres: SharedPostgres;
  let env: Env;

  beforeAll(async () => {
    postgres = await sharedPostgres();
  });

  beforeEach(async () => {
    env = { DATABASE_URL: await postgres.createDatabase() };
  });

  const promote = (...args: string[]) => runCommand(PROMOTE, args, env);
  /** Somebody who registered with the address before there was an admin. */
  async function memberFirst(email: string) {
    await using api = await startApi(env);
    const ada = await member(api, { email });
    await select(env.DATABASE_URL as string, 'alter table users disable trigger users_last_admin');
    await select(env.DATABASE_URL as string, 'delete from users where id <> $1', [ada.id]);
    await select(env.DATABASE_URL as string, 'alter table users enable trigger users_last_admin');
    await api.stop();
    return ada;
  }

  test('is not made at the start, which says in one line how', async () => {
    const email = freshEmail();
    const ada = await memberFirst(email);
    const settings = { ...env, ADMIN_EMAIL: email.toUpperCase(), ADMIN_PASSWORD: 'a first admin of settings' };

    await using refused = startProcess(MAIN, settings);
    const { code } = await refused.exited;
    const promoted = await promote(email);
    await using api = await startApi(settings);
    const { token } = await signIn(api, { email, password: PASSWORD });

    expect(code).toBe(1);
    expect(refused.output()).toMatch(/^There is no admin, and ADMIN_EMAIL .* npm run admin:promote -- ADDRESS\..*\n$/);
    expect(promoted).toEqual({ code: 0, output: `Admin now: ${ada.id}\n` });
    expect(codes(await api.ask(USERS, {}, token))).toEqual([]);
  });

  test('is not made when migrations end, which one line of the log says, and the API goes on', async () => {
    const email = freshEmail();
    const settings = {
      ...env,
      NODE_ENV: 'production',
      BCRYPT_COST: '10',
      REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
      AMQP_URL: `amqp://127.0.0.1:${await freePort()}`,
    };
    const url = env.DATABASE_URL as string;
    await runCommand(MIGRATE, [], settings);
    await select(
      url,
      `insert into users (id, email, password_hash, name, role_id, created_at, updated_at)
       select gen_random_uuid(), $1, 'none', 'Imported', id, now(), now() from roles where name = 'MEMBER'`,
      [email],
    );
    const [last] = await select(
      url,
      'delete from mikro_orm_migrations where id = (select max(id) from mikro_orm_migrations) returning *',
    );
    await using api = await startApi({ ...settings, ADMIN_EMAIL: email, ADMIN_PASSWORD: 'a first admin of settings' });

    await select(url, 'insert into mikro_orm_migrations values ($1, $2, $3)', Object.values(last));

    const { reason } = await api.logged('first admin not made; start again when what stands in its way is put right');

    expect(reason).toContain('npm run admin:promote');
    expect((await fetch(`${api.url}/health/live`)).status).toBe(200);
    expect(api.output()).not.toMatch(/\n\s+at /);
  });

  test('is made by a command while the API runs, recorded and announced once', async () => {
    await using api = await startApi(env);
    const ada = await member(api);
    const before = codes(await api.ask(USERS, {}, ada.token));

    const taken = await runCommand(CREATE, [ada.email], env, `${PASSWORD}\n`);
    const first = await promote(` ${ada.email.toUpperCase()} `);
    const again = await promote(ada.email);

    expect(before).toEqual(['FORBIDDEN']);
    expect(taken).toEqual({
      code: 1,
      output: expect.stringMatching(/^There is .* npm run admin:promote -- ADDRESS\n$/),
    });
    expect([first, again]).toEqual([
      { code: 0, output: `Admin now: ${ada.id}\n` },
      { code: 0, output: `Admin already: ${ada.id}\n` },
    ]);
    await eventually(async () => expect(codes(await api.ask(USERS, {}, ada.token))).toEqual([]));
    const url = env.DATABASE_URL as string;
    expect(
      await select(url, `select data from outbox where type = 'user.role_changed' and subject = $1`, [ada.id]),
    ).toEqual([{ data: { userId: ada.id, role: 'ADMIN', changedBy: NIL } }]);
    expect(
      await select(
        url,
        `select actor_id, result, details from audit_events where action = 'user.role_changed' and subject_id = $1`,
        [ada.id],
      ),
    ).toEqual([{ actor_id: null, result: 'succeeded', details: { from: 'MEMBER', to: 'ADMIN' } }]);
  });

  test('is refused in one line where there is none to make', async () => {
    const unmigrated = await promote('ada@example.com');
    // The closed account is to be known by its address.
    await using api = await startApi({ ...env, DELETION_GRACE: 'P1D' });
    const root = await signIn(api, ADMIN);
    const [closed, off] = [await member(api), await member(api)];
    await api.ask(DELETE_USER, { id: closed.id }, root.token);
    await api.ask('mutation ($id: ID!) { deactivateUser(id: $id) { id } }', { id: off.id }, root.token);

    const refused = [
      await promote(),
      await promote('a', 'b'),
      await promote('nonsense'),
      await promote('nobody@example.com'),
      await promote(closed.email),
      await promote(off.email),
      await runCommand(CREATE, ['nonsense'], env, `${PASSWORD}\n`),
      await runCommand(CREATE, ['nobody@example.com'], env, 'admin1234\n'),
    ];

    expect(unmigrated).toEqual({ code: 1, output: 'Migrations are pending: run npm run migrate.\n' });
    expect(refused.map(({ code }) => code)).toEqual(refused.map(() => 1));
    expect(refused.map(({ output }) => output)).toEqual([
      expect.stringMatching(/^Usage: npm run admin:promote .*\n$/),
      expect.stringMatching(/^Usage: npm run admin:promote .*\n$/),
      'The address must be an e-mail address of at most 254 characters.\n',
      'There is no account with this e-mail address.\n',
      'There is only a closed account with this e-mail address.\n',
      'The account is switched off. Another admin can activate it first.\n',
      'The address must be an e-mail address of at most 254 characters.\n',
      'The password must have 12 characters or more.\n',
    ]);
  });

  test('is told without the statement where the database fails', async () => {
    await using api = await startApi(env);
    const ada = await member(api);
    await select(
      env.DATABASE_URL as string,
      'alter table audit_events add constraint canary check (actor_id is not null) not valid',
    );

    const promoted = await promote(ada.email);
    const created = await runCommand(CREATE, [freshEmail()], env, `${PASSWORD}\n`);

    const output = 'DATABASE_URL leads to a database that refused a statement (23514): see its log.\n';
    expect([promoted, created]).toEqual(Array(2).fill({ code: 1, output }));
  });
});
