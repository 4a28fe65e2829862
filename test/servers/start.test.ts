// A start needs nothing but its settings, and a stop loses nothing; the API is started, stopped and killed on both
// databases.

import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { ROLE_IDS } from '../../src/user/role.entity.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { LOOKS_UP_EMAIL, lockWaits } from '../support/locks.js';
import { temporaryFolder } from '../support/once-per-run.js';
import { ADMIN, codes, LOGIN, member, PASSWORD, signIn } from '../support/people.js';
import { type Env, runCommand, select, startApi, startProcess } from '../support/processes.js';
import { freePort } from '../support/servers/free-port.js';
import { type SharedPostgres, sharedPostgres, startPostgres } from '../support/servers/postgres.js';

const MIGRATIONS = readdirSync('migrations').length;
const MAIN = 'dist/src/main.js';
const ME = 'query { me { id email role { name } } }';
const USERS = 'query { users { totalCount } }';

const ready = async (url: string) => {
  const response = await fetch(`${url}/health/ready`);
  return { ...((await response.json()) as object), status: response.status };
};

describeWithServers(['postgres'], 'starting and stopping on PostgreSQL', () => {
  let postgres: SharedPostgres;

  beforeAll(async () => {
    postgres = await sharedPostgres();
  });

  test('three that start at once on an empty database migrate it once and make one admin', async () => {
    const DATABASE_URL = await postgres.createDatabase();

    // None gets further than the others before all three are there.
    const holder = new Client({ connectionString: DATABASE_URL });
    await holder.connect();
    await holder.query('begin; create table mikro_orm_migrations (id int)');

    const starting = Promise.all([1, 2, 3].map(() => startApi({ DATABASE_URL })));
    // One has the lock. The others look again and again, and have no transaction open meanwhile: an index that is made
    // concurrently could wait for it.
    const looking = async () =>
      (
        await select(
          DATABASE_URL,
          `select state from pg_stat_activity where datname = current_database()
           and (query like 'select pg_try_advisory_xact_lock%' or query = 'commit') order by state`,
        )
      ).map(({ state }) => state);
    await Promise.race([
      starting,
      eventually(async () => expect(await looking()).toEqual(['idle', 'idle', 'idle in transaction'])),
    ]);
    await holder.query('rollback');
    await holder.end();
    const apis = await starting;

    const migrated = await Promise.all(apis.map(async (api) => (await api.logged('API is ready')).migrated));
    const admins = await select(DATABASE_URL, 'select email from users');
    const logins = await Promise.all(apis.map((api) => api.ask(LOGIN, { input: ADMIN })));
    expect(migrated.sort()).toEqual([0, 0, MIGRATIONS]);
    expect(await select(DATABASE_URL, 'select name from mikro_orm_migrations')).toHaveLength(MIGRATIONS);
    expect(admins).toEqual([{ email: ADMIN.email }]);
    await eventually(() => expect(apis.filter((api) => api.output().includes('made just now'))).toHaveLength(1));
    expect(logins.flatMap(codes)).toEqual([]);
    expect(await Promise.all(apis.map((api) => api.stop()))).toEqual([0, 0, 0]);
  });

  test('on SIGTERM a request in flight gets its answer, new ones are refused, and it ends with 0', async () => {
    const DATABASE_URL = await postgres.createDatabase();
    const api = await startApi({ DATABASE_URL });
    const holder = new Client({ connectionString: DATABASE_URL });
    await holder.connect();
    await holder.query('begin; lock table users');
    const login = api.ask(LOGIN, { input: ADMIN });
    await eventually(async () => expect(await lockWaits(DATABASE_URL, LOOKS_UP_EMAIL)).toBe(1));

    api.signal('SIGTERM');
    await eventually(() => expect(fetch(`${api.url}/health/live`)).rejects.toThrow());
    await holder.query('commit');
    await holder.end();

    expect((await login).data.login.user.email).toBe(ADMIN.email);
    expect(await api.exited).toEqual({ code: 0, signal: null });
  });

  test('SIGTERM under load loses no registration that was answered and leaves no event claimed', async () => {
    const DATABASE_URL = await postgres.createDatabase();
    const api = await startApi({ DATABASE_URL });

    const asking = Array.from({ length: 40 }, () => member(api).catch(() => null));
    await Promise.race(asking);
    const code = await api.stop();
    const answered = (await Promise.all(asking)).flatMap((user) => user ?? []);

    const known = await select(DATABASE_URL, 'select id from users where id = any($1)', [answered.map(({ id }) => id)]);
    const claimed = await select(
      DATABASE_URL,
      'select id from outbox where published_at is null and next_attempt_at > now()',
    );
    expect(code).toBe(0);
    expect(answered.length).toBeGreaterThan(0);
    expect(known).toHaveLength(answered.length);
    expect(claimed).toEqual([]);
  });

  test('when the database goes and comes back, requests and the listener recover by themselves', async () => {
    const own = await startPostgres();
    try {
      const DATABASE_URL = await own.createDatabase();
      await using api = await startApi({ DATABASE_URL });
      const admin = await signIn(api);
      const ada = await member(api);

      await own.halt();
      await eventually(async () =>
        expect(await ready(api.url)).toMatchObject({ status: 503, database: 'down', migrations: 'unknown' }),
      );
      const meanwhile = await api.ask(LOGIN, { input: ADMIN });
      await own.resume();
      await eventually(async () => expect((await ready(api.url)).status).toBe(200));
      await eventually(async () => expect(await listeners(DATABASE_URL)).toBe(1));

      expect(codes(meanwhile)).toEqual(['SERVICE_OVERLOADED']);
      expect(codes(await api.ask(LOGIN, { input: ADMIN }))).toEqual([]);
      expect(codes(await api.ask(USERS, {}, admin.token))).toEqual([]);
      expect(codes(await api.ask(USERS, {}, ada.token))).toEqual(['FORBIDDEN']);
      await select(DATABASE_URL, 'update users set role_id = $1 where id = $2', [ROLE_IDS.ADMIN, ada.id]);
      await eventually(async () => expect(codes(await api.ask(USERS, {}, ada.token))).toEqual([]));
    } finally {
      await own.stop();
    }
  });

  describe('in production', () => {
    let env: Env;

    beforeAll(async () => {
      env = {
        NODE_ENV: 'production',
        BCRYPT_COST: '10',
        DATABASE_URL: await postgres.createDatabase(),
        // Nothing listens there: both are missed and not needed to serve.
        REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
        AMQP_URL: `amqp://127.0.0.1:${await freePort()}`,
      };
    });

    test('it is not ready before the migrations have run, then it is, and the command makes its admin', async () => {
      await using api = await startApi(env);
      const before = await ready(api.url);

      const migrated = await runCommand('dist/src/commands/migrate.js', [], env);
      const again = await runCommand('dist/src/commands/migrate.js', [], env);
      const after = await ready(api.url);
      const weak = await runCommand('dist/src/commands/admin-create.js', ['root@example.org'], env, 'admin1234\n');
      const made = await runCommand('dist/src/commands/admin-create.js', ['Root@example.org'], env, `${PASSWORD}\n`);
      const taken = await runCommand('dist/src/commands/admin-create.js', ['root@example.org'], env, `${PASSWORD}\n`);
      const inLetters = ['root@bücher.example', 'ROOT@BÜCHER。example', 'root@xn--bcher-kva.example'];
      const [first, ...others] = await Promise.all(
        inLetters.map((email) => runCommand('dist/src/commands/admin-create.js', [email], env, `${PASSWORD}\n`)),
      ).then((answers) => answers.map(({ code }) => code).sort());
      const { token } = await signIn(api, { email: 'root@example.org', password: PASSWORD });
      const me = await api.ask(ME, {}, token);

      expect(before).toMatchObject({ status: 503, database: 'up', migrations: 'pending' });
      const away = 'AMQP_URL: the queues are not declared (ECONNREFUSED). Run this again.\n';
      expect(migrated).toEqual({ code: 0, output: expect.stringMatching(/^Migrated: \S+(, \S+)*\n/) });
      expect(migrated.output).toContain(away);
      expect(again).toEqual({ code: 0, output: `The schema is up to date.\n${away}` });
      expect(after).toMatchObject({ status: 200, migrations: 'done', cache: 'degraded', events: 'degraded' });
      expect(weak).toEqual({ code: 1, output: expect.stringMatching(/^The password .*\n$/) });
      expect(made).toEqual({ code: 0, output: expect.stringMatching(/^Admin made: [0-9a-f-]{36}\n$/) });
      expect(taken).toEqual({
        code: 1,
        output:
          'There is an open account with this e-mail address. To make an admin of it: npm run admin:promote -- ADDRESS\n',
      });
      expect([first, ...others]).toEqual([0, 1, 1]);
      expect(me.data.me).toMatchObject({ email: 'root@example.org', role: { name: 'ADMIN' } });
      expect([weak, made, taken].map(({ output }) => output).join()).not.toMatch(/correct horse|admin1234/);
    });

    test('the first admin of the settings is made as soon as the migrations have run', async () => {
      const first = { email: 'first@bücher.example', password: 'a first admin of settings' };
      const settings = {
        ...env,
        DATABASE_URL: await postgres.createDatabase(),
        ADMIN_EMAIL: first.email,
        ADMIN_PASSWORD: first.password,
      };
      await using api = await startApi(settings);

      await runCommand('dist/src/commands/migrate.js', [], settings);
      await api.logged('migrations are done');

      const { token } = await signIn(api, first);
      expect((await api.ask(ME, {}, token)).data.me).toMatchObject({ role: { name: 'ADMIN' } });
    });

    test('there is no introspection, no Sandbox, no explorer, no mailbox and no known admin (A32)', async () => {
      await runCommand('dist/src/commands/migrate.js', [], env);
      await using api = await startApi(env);

      const introspection = await api.ask('query { __schema { types { name } } }');
      const type = await api.ask('query { __type(name: "User") { name } }');
      const page = await fetch(`${api.url}/graphql`, { headers: { accept: 'text/html' } });
      const mailbox = await Promise.all(['mail', 'mail.json'].map((name) => fetch(`${api.url}/dev/${name}`)));
      const explorer = await Promise.all(['', 'contents.json'].map((name) => fetch(`${api.url}/explorer/${name}`)));
      const account = await fetch(`${api.url}/account/verify-email`);
      const login = await api.ask(LOGIN, { input: ADMIN });

      expect(codes(introspection)).toEqual(['GRAPHQL_VALIDATION_FAILED']);
      expect(codes(type)).toEqual(['GRAPHQL_VALIDATION_FAILED']);
      expect(page.status).toBe(400);
      expect(page.headers.get('content-type')).toMatch(/^application\/(graphql-response\+)?json/);
      expect(mailbox.map(({ status }) => status)).toEqual([404, 404]);
      expect(explorer.map(({ status }) => status)).toEqual([404, 404]);
      expect(account.status).toBe(200);
      expect(codes(login)).toEqual(['INVALID_CREDENTIALS']);
      expect(api.output()).not.toContain('Sandbox');
    });
  });

  const listeners = async (url: string) =>
    (
      await select(
        url,
        `select pid from pg_stat_activity where datname = current_database() and application_name = 'gatehouse listener'`,
      )
    ).length;
});

describe('starting on the embedded database', () => {
  let folder: string;
  const start = () => startApi({ DATA_DIR: join(folder, 'data') });

  beforeAll(() => {
    folder = temporaryFolder();
  });

  test('it needs nothing, and its data survives a stop and a kill', async () => {
    const first = await start();
    const migrated = [(await first.logged('API is ready')).migrated];
    const beforeStop = await member(first);
    const code = await first.stop();

    const second = await start();
    migrated.push((await second.logged('API is ready')).migrated);
    const afterStop = await second.ask(ME, {}, beforeStop.token);
    const beforeKill = await member(second);
    await second.kill();

    await using third = await start();
    migrated.push((await third.logged('API is ready')).migrated);
    const afterKill = await third.ask(ME, {}, beforeKill.token);
    const admin = await signIn(third);
    const users = await third.ask(USERS, {}, admin.token);

    expect(code).toBe(0);
    expect(migrated).toEqual([MIGRATIONS, 0, 0]);
    expect(afterStop.data.me.id).toBe(beforeStop.id);
    expect(afterKill.data.me.id).toBe(beforeKill.id);
    expect(users.data.users.totalCount).toBe(3);
    await eventually(() => expect(first.output()).toContain(`${ADMIN.email} / ${ADMIN.password}   (made just now`));
    expect(second.output()).not.toContain('made just now');
  });

  test('a second process on the same folder is refused in one line', async () => {
    await using first = await start();

    await using second = startProcess(MAIN, { DATA_DIR: join(folder, 'data') });
    const { code } = await second.exited;

    expect(code).toBe(1);
    expect(second.output()).toMatch(
      new RegExp(
        `^The data folder .* is in use by process ${first.pid}\\. Stop it, or set DATA_DIR or DATABASE_URL\\.\n$`,
      ),
    );
  });
});

describe('settings that cannot be used', () => {
  const rsa = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey;
  const none = {
    PUBLIC_URL: '',
    DATABASE_URL: '',
    REDIS_URL: '',
    AMQP_URL: '',
    JWT_PRIVATE_KEY: '',
    PASSWORD_PEPPER: '',
  };

  const refusal = async (env: Env) => {
    await using running = startProcess(MAIN, env);
    const { code } = await running.exited;
    const [first, ...lines] = running.output().trimEnd().split('\n');
    return { code, first, names: lines.map((line) => line.split(' ')[3]), output: running.output() };
  };

  // What is unknown is not development, or a slip would open the known admin to the world.
  test.each(['production', 'developement', 'staging', 'test'])(
    'with NODE_ENV=%s embedded parts and missing secrets are refused, all at once',
    async (NODE_ENV) => {
      const { code, first, names } = await refusal({ ...none, NODE_ENV });

      expect(code).toBe(1);
      expect(first).toBe('The settings cannot be used:');
      expect(names.sort()).toEqual([...Object.keys(none), 'BCRYPT_COST'].sort());
    },
  );

  test('in production weak values are refused, all at once, and none is printed (A31)', async () => {
    const env = {
      NODE_ENV: 'production',
      PORT: '70001',
      PUBLIC_URL: 'gopher://canary-1.example.com',
      DATABASE_URL: 'mysql://canary-2@db/x',
      REDIS_URL: 'http://canary-3',
      AMQP_URL: 'canary-4',
      JWT_PRIVATE_KEY: rsa,
      PASSWORD_PEPPER: 'canary-5',
      PASSWORD_MIN_LENGTH: '7',
      BCRYPT_COST: '9',
      CORS_ORIGINS: 'https://canary-6.example.com/path',
      TRUST_PROXY: '10.0.0.0/99',
      LOG_LEVEL: 'canary-7',
      ADMIN_EMAIL: 'canary-8@example.com',
      ADMIN_PASSWORD: 'admin1234',
    };

    const { code, names, output } = await refusal(env);

    const { NODE_ENV: _, ADMIN_EMAIL: __, ...refused } = env;
    expect(code).toBe(1);
    expect(names.sort()).toEqual(Object.keys(refused).sort());
    expect(output).not.toMatch(/canary|admin1234|70001|10\.0\.0\.0\/99/);
    expect(output).not.toContain(rsa.slice(60, 100));
  });
});

const MACHINES_NODE = '/usr/bin/node';
const machinesVersion = existsSync(MACHINES_NODE)
  ? execFileSync(MACHINES_NODE, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim()
  : null;
const [major = 0, minor = 0] = machinesVersion?.split('.').map(Number) ?? [99];
const tooOld = major < 22 || (major === 22 && minor < 17);
const why = machinesVersion ? `is ${machinesVersion} and new enough` : 'is not there';

(tooOld ? test : test.skip)(
  `on a Node.js that is too old the program says so in one line${tooOld ? '' : ` (${MACHINES_NODE} ${why})`}`,
  async () => {
    await using running = startProcess(MAIN, {}, { program: MACHINES_NODE });
    const { code } = await running.exited;

    expect(code).toBe(1);
    expect(running.output()).toBe(
      `Gatehouse needs Node.js 22.17 or newer; this is ${machinesVersion}. npm start brings its own.\n`,
    );
  },
);
