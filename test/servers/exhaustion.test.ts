// What one client can hold: the time of the database, and connections. Locks, silent sockets and slow ones are real.

import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CONNECTION_LIMITS } from '../../src/http/connections.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { codes, DELETE_USER, member, signIn } from '../support/people.js';
import { type ApiProcess, select, startApi } from '../support/processes.js';
import { sharedPostgres, withPostgres } from '../support/servers/postgres.js';

describeWithServers(['postgres'], 'an operation that waits for the database', () => {
  let database: string;
  let api: ApiProcess;

  beforeAll(async () => {
    database = await (await sharedPostgres()).createDatabase();
    api = await startApi({ DATABASE_URL: database, EXECUTION_TIMEOUT_SECONDS: '1' });
  });

  afterAll(async () => {
    await api?.kill();
  });

  const running = async () =>
    select(
      database,
      `select query from pg_stat_activity
       where datname = current_database() and state = 'active' and wait_event_type = 'Lock'`,
    );

  test('ends after its time, and its statement too', async () => {
    const [root, ada] = [await signIn(api), await member(api)];

    await withPostgres(database, async (client) => {
      await client.query('begin');
      await client.query('select 1 from users where id = $1 for update', [ada.id]);
      const answer = await root.ask(DELETE_USER, { id: ada.id });

      expect([answer.status, codes(answer)]).toEqual([503, ['SERVICE_OVERLOADED']]);
      // Nothing waits for the lock any more, though it is still held.
      expect(await running()).toEqual([]);
      await client.query('rollback');
    });
  });

  test('begins no other field when its time is over', async () => {
    // Two thirds of its time for each: on a slow machine, too, the second begins before it is over.
    await using patient = await startApi({ DATABASE_URL: database, EXECUTION_TIMEOUT_SECONDS: '6' });
    const [root, ...people] = [await signIn(patient), await member(api), await member(api), await member(api)];
    await select(
      database,
      `create function slowly() returns trigger language plpgsql as $$ begin perform pg_sleep(4); return new; end $$;
       create trigger slowly before update of deleted_at on users for each row execute function slowly()`,
    );

    const remove = people.map(({ id }, at) => `r${at}: deleteUser(id: "${id}") { id }`).join(' ');
    const answer = await root.ask(`mutation { ${remove} }`);
    await select(database, 'drop trigger slowly on users');

    expect(codes(answer)).toEqual(['EXECUTION_TIMEOUT']);
    expect(answer.errors[0]).toMatchObject({ path: ['r2'], extensions: { limit: 6 } });
    const rows = await select(database, 'select deleted_at is null as open from users where id = any($1) order by id', [
      people.map(({ id }) => id),
    ]);
    expect(rows.map(({ open }) => open)).toEqual([false, false, true]);
  });

  test('that takes as long as it may is answered', async () => {
    const [root, ada] = [await signIn(api), await member(api)];

    const answer = await root.ask(DELETE_USER, { id: ada.id });

    expect(codes(answer)).toEqual([]);
  });

  test('that is costly is answered, though small ones come without an end', async () => {
    // With time for a slow machine: one that never got its turn would use that up too.
    await using patient = await startApi({ DATABASE_URL: database, EXECUTION_TIMEOUT_SECONDS: '60' });
    const root = await signIn(patient);
    let done = false;
    const small = Promise.all(
      Array.from({ length: 8 }, async () => {
        while (!done) expect(codes(await root.ask('{ me { id role { name } } }'))).toEqual([]);
      }),
    );

    const costly = '{ users(first: 100) { totalCount nodes { id } } auditEvents(first: 100) { nodes { id } } }';
    const answers = await Promise.all(Array.from({ length: 10 }, () => root.ask(costly)));
    done = true;
    await small;

    expect(answers.flatMap(codes)).toEqual([]);
  });

  test('holds no connection of the pool: of many, each has its answer', async () => {
    // On a slow machine, too, each of them begins before its time is over.
    await using patient = await startApi({ DATABASE_URL: database, EXECUTION_TIMEOUT_SECONDS: '6' });
    const [root, ada] = [await signIn(patient), await member(patient)];

    await withPostgres(database, async (client) => {
      await client.query('begin');
      await client.query('select 1 from users where id = $1 for update', [ada.id]);
      const answers = await Promise.all(Array.from({ length: 30 }, () => root.ask(DELETE_USER, { id: ada.id })));
      expect(new Set(answers.flatMap(codes))).toEqual(new Set(['SERVICE_OVERLOADED']));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
      await client.query('rollback');
    });
    await eventually(async () => expect(codes(await root.ask('{ me { id } }'))).toEqual([]));
  });
});

describe('connections', () => {
  let api: ApiProcess;

  beforeAll(async () => {
    api = await startApi({});
  });
  afterAll(async () => {
    await api?.kill();
  });

  const open = (bytes = '') =>
    new Promise<Socket>((resolve, reject) => {
      const { hostname, port } = new URL(api.url);
      const socket = connect(Number(port), hostname, () => {
        if (bytes) socket.write(bytes);
        resolve(socket);
      });
      socket.on('error', reject);
    });
  const closed = (sockets: Socket[]) => sockets.filter(({ destroyed, readableEnded }) => destroyed || readableEnded);

  test.each([
    ['silent', ''],
    ['slow', 'POST /graphql HTTP/1.1\r\nHost: a\r\nX-Slow: '],
  ])('of one network: as many as they may be, and the oldest %s one goes for the next (A28)', async (_, bytes) => {
    const sockets: Socket[] = [];
    const listen = (socket: Socket) => socket.on('error', () => undefined).resume();
    const openMore = async (count: number) => {
      const more = await Promise.all(Array.from({ length: count }, () => open(bytes)));
      more.forEach(listen);
      sockets.push(...more);
    };
    // Room for those that this test has from before.
    while (sockets.length < CONNECTION_LIMITS.network - 100) await openMore(100);
    const [first, before] = [await api.ask('{ __typename }'), closed(sockets).length];

    await openMore(150);
    const second = await api.ask('{ __typename }');

    expect([first, second].map(({ data }) => data)).toEqual(Array(2).fill({ __typename: 'Query' }));
    expect(before).toBe(0);
    await eventually(() => expect(closed(sockets).length).toBeGreaterThanOrEqual(50));
    expect(closed(sockets).length).toBeLessThanOrEqual(60);
    expect(closed(sockets)).toEqual(sockets.slice(0, closed(sockets).length));
    for (const socket of sockets) socket.destroy();
    await eventually(async () => expect(codes(await api.ask('{ __typename }'))).toEqual([]));
  });

  test('that send nothing are closed (A28)', async () => {
    const socket = await open();
    const began = Date.now();
    await new Promise((resolve) => socket.resume().once('close', resolve));

    expect(Date.now() - began).toBeGreaterThan(CONNECTION_LIMITS.firstByteMs / 2);
    expect(codes(await api.ask('{ __typename }'))).toEqual([]);
  });

  test('that read no answer are closed', async () => {
    await using quick = await startApi({ EXECUTION_TIMEOUT_SECONDS: '1' });
    const { hostname, port } = new URL(quick.url);
    const socket = connect(Number(port), hostname).pause();
    const failed = new Promise<Error>((resolve) => socket.once('error', resolve));
    const body = '{"query":"{ __schema { types { name description fields { name description } } } }"}';
    const head = `POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
    // More than the buffers of both sides take.
    for (let at = 0; at < 500; at += 1) socket.write(`${head}\r\n\r\n${body}`);

    // A socket that is not read does not hear of its end, but its next bytes are refused.
    const knocking = setInterval(() => socket.write(head), 1_000);
    const { code } = (await failed) as NodeJS.ErrnoException;
    clearInterval(knocking);

    expect(['EPIPE', 'ECONNRESET']).toContain(code);
    expect(codes(await quick.ask('{ __typename }'))).toEqual([]);
  });
});
