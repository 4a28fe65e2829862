// A database that cannot serve is an outage with advice, not an internal error; a real PostgreSQL is stopped, locked
// and made read-only.

import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { POOL_SIZE } from '../../mikro-orm.config.js';
import { sha256 } from '../../src/graphql/manifest.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { LOOKS_UP_EMAIL, lockWaits } from '../support/locks.js';
import { temporaryFolder } from '../support/once-per-run.js';
import { ADMIN, type Answer, codes, LOGIN, type Person, signIn } from '../support/people.js';
import { type ApiProcess, select, startApi } from '../support/processes.js';
import { type PostgresServer, startPostgres } from '../support/servers/postgres.js';

const METRICS_TOKEN = 'token of the metrics, 0123456789 abcdef';
const ME = 'query { me { id } }';
const RENAME = 'mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { id } }';
const END_CONNECTIONS = 'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()';
const LOGIN_AND_LIST = 'query { me { id } users { totalCount } }';

describeWithServers(['postgres'], 'while the database cannot do it', () => {
  let postgres: PostgresServer;
  let url: string;
  let api: ApiProcess;
  let admin: Person;

  beforeAll(async () => {
    postgres = await startPostgres();
    url = await postgres.createDatabase();
    api = await startApi({ DATABASE_URL: url, METRICS_TOKEN });
    admin = await signIn(api);
  });
  afterAll(async () => {
    await api?.stop();
    await postgres?.stop();
  });

  const login = () => api.ask(LOGIN, { input: ADMIN });
  const health = async () => {
    const response = await fetch(`${api.url}/health/ready`);
    return { ...((await response.json()) as object), status: response.status };
  };
  const isReady = () => eventually(async () => expect(await health()).toMatchObject({ status: 200, database: 'up' }));

  function expectAdvice(answer: Answer) {
    expect(codes(answer)).toEqual(['SERVICE_OVERLOADED']);
    expect(answer.status).toBe(503);
    const retryAfterSeconds = answer.errors[0]?.extensions.retryAfterSeconds;
    expect(retryAfterSeconds).toBeGreaterThan(0);
    expect(answer.headers.get('retry-after')).toBe(String(retryAfterSeconds));
    expect(answer.text).not.toMatch(/database|transaction|context/i);
  }

  /** Another transaction has the table for as long as `work` takes. */
  async function whileLocked<T>(work: () => Promise<T>): Promise<T> {
    const holder = new Client({ connectionString: url });
    await holder.connect();
    await holder.query('begin; lock table users');
    try {
      return await work();
    } finally {
      await holder.query('rollback');
      await holder.end();
    }
  }
  const configure = async (sql: string) => {
    await select(url, `alter system ${sql}`);
    await select(url, 'select pg_reload_conf()');
  };

  test('a server set to read only takes no login, is not ready, still answers reads, and is not logged as our fault', async () => {
    await configure('set default_transaction_read_only = on');
    await eventually(async () => expect(await health()).toMatchObject({ status: 503, database: 'read-only' }));

    expectAdvice(await login());
    expectAdvice(await login());
    expect(codes(await api.ask(ME, {}, admin.token))).toEqual([]);

    const owner = new Client({ connectionString: url });
    await owner.connect();
    await owner.query('set default_transaction_read_only = off');
    await owner.query('alter system reset default_transaction_read_only');
    await owner.query('select pg_reload_conf()');
    await owner.end();
    await isReady();
    expect(codes(await login())).toEqual([]);
    await api.logged('database takes no writes');
    expect(api.lines('database takes no writes')).toHaveLength(1);
    expect(api.lines('unexpected error')).toEqual([]);
  });

  test('after a failover to a standby it says so without a flood of lines, and goes on when that is promoted', async () => {
    const [{ data_directory: data }] = await select(url, 'show data_directory');
    await postgres.halt();
    closeSync(openSync(join(data, 'standby.signal'), 'w'));
    await postgres.resume();
    await eventually(async () => expect(await health()).toMatchObject({ status: 503, database: 'read-only' }));

    const [before, since] = [api.output().split('\n').length, performance.now()];
    for (let count = 0; count < 5; count++) expectAdvice(await login());
    // The listener tries every second, the relay looks every two.
    await eventually(() => expect(performance.now() - since).toBeGreaterThan(4_000));
    const lines = api.output().split('\n').length - before;
    await select(url, 'select pg_promote()');
    await isReady();

    expect(lines).toBeLessThan(6);
    expect(codes(await login())).toEqual([]);
    expect(api.lines('unexpected error')).toEqual([]);
  });

  test('a server that is gone is an outage, in the look at who asks too', async () => {
    const manifest = join(temporaryFolder(), 'manifest.json');
    writeFileSync(manifest, JSON.stringify({ [sha256(ME)]: ME }));
    // Here a look at who asks comes before the document is taken.
    await using trusting = await startApi({
      DATABASE_URL: url,
      PERSISTED_OPERATIONS: 'trusted',
      OPERATIONS_MANIFEST: manifest,
      ADMINS_SEND_ANYTHING: 'true',
    });
    await postgres.halt();
    await eventually(async () => expect(await health()).toMatchObject({ status: 503, database: 'down' }));

    expectAdvice(await login());
    expectAdvice(await trusting.ask(LOGIN_AND_LIST, {}, admin.token));
    const list = await api.ask(LOGIN_AND_LIST, {}, admin.token);
    const metrics = await (
      await fetch(`${api.url}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } })
    ).text();
    await postgres.resume();
    await isReady();

    expect([...new Set(codes(list))]).toEqual(['SERVICE_OVERLOADED']);
    expect(list.status).toBe(503);
    expect(metrics).toContain('\ngatehouse_database_up 0\n');
    expect(metrics).not.toContain('gatehouse_outbox');
    expect(api.lines('unexpected error')).toEqual([]);
  });

  test.each(['statement_timeout', 'lock_timeout'])('a statement that ends by %s is one to repeat', async (name) => {
    await configure(`set ${name} = '500ms'`);
    await eventually(async () => expect((await select(url, `show ${name}`))[0][name]).toBe('500ms'));

    const answer = await whileLocked(login);
    await configure(`reset ${name}`);
    await eventually(async () => expect((await select(url, `show ${name}`))[0][name]).toBe('0'));

    expectAdvice(answer);
  });

  test('a connection that the server ends in the middle is one, too', async () => {
    const answer = await whileLocked(async () => {
      const waiting = login();
      await eventually(async () => expect(await lockWaits(url, LOOKS_UP_EMAIL)).toBe(1));
      await select(url, "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock'");
      return waiting;
    });

    expectAdvice(answer);
  });

  test.each([
    ['is killed', () => postgres.crash().then(() => postgres.resume())],
    ['ends each connection', () => select(url, END_CONNECTIONS)],
  ])('a server that %s in the middle of transactions keeps no connection of the pool', async (_, end) => {
    const holder = new Client({ connectionString: url });
    holder.on('error', () => undefined);
    await holder.connect();
    await holder.query('begin');
    await holder.query('select 1 from users where id = $1 for update', [admin.id]);
    const rename = () => api.ask(RENAME, { input: { name: 'Ada King' } }, admin.token);
    const changing = Array.from({ length: POOL_SIZE }, rename);
    await eventually(async () => expect(await lockWaits(url)).toBe(POOL_SIZE));

    await end();

    for (const answer of await Promise.all(changing)) expectAdvice(answer);
    await isReady();
    const answers = await Promise.all(Array.from({ length: POOL_SIZE }, rename));
    expect(answers.flatMap(codes)).toEqual([]);
    expect(api.lines('unexpected error')).toEqual([]);
  });

  test('the wait for a free connection is bounded', async () => {
    await whileLocked(async () => {
      const waiting = Array.from({ length: 10 }, login);
      await eventually(async () => expect(await lockWaits(url, LOOKS_UP_EMAIL)).toBe(10));

      expectAdvice(await login());
      void Promise.allSettled(waiting);
    });
    await eventually(async () => expect(codes(await login())).toEqual([]));
  });
});
