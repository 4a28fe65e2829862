// Workers share a port: each answers, one that is killed is replaced, and all end with the process that started them.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type Server as NetServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { isGone } from '../support/is-gone.js';
import { LOOKS_UP_EMAIL, lockWaits } from '../support/locks.js';
import { temporaryFolder } from '../support/once-per-run.js';
import { ADMIN, codes, LOGIN, member } from '../support/people.js';
import { type ApiProcess, type Env, runCommand, startApi } from '../support/processes.js';
import { freePort } from '../support/servers/free-port.js';
import { sharedPostgres, withPostgres } from '../support/servers/postgres.js';
import type { Server } from '../support/servers/private-server.js';
import { startRedis } from '../support/servers/redis.js';

describeWithServers(['postgres', 'redis'], 'an API of two workers', () => {
  let redis: Server;
  let env: Env;
  let folder: string;
  let api: ApiProcess;

  const OLD = 'query Old { me { id } }';
  const NEW = 'query New { me { id } }';
  const manifest = () => join(folder, 'manifest.json');
  const trust = (...documents: string[]) =>
    writeFileSync(
      manifest(),
      JSON.stringify(Object.fromEntries(documents.map((text) => [createHash('md5').update(text).digest('hex'), text]))),
    );

  const workers = () => api.lines('worker is ready').map(({ worker, pid }) => ({ worker, pid: Number(pid) }));
  /** Each on a connection of its own, which goes to the next worker. */
  const requests = (count: number) =>
    Promise.all(
      Array.from({ length: count }, () => fetch(`${api.url}/health/live`, { headers: { connection: 'close' } })),
    );
  const answeredBy = async (count: number) => {
    const before = api.lines('request').length;
    await requests(count);
    await eventually(() => expect(api.lines('request').length).toBe(before + count));
    return new Set(
      api
        .lines('request')
        .slice(before)
        .map(({ worker }) => worker),
    );
  };
  const connects = () => {
    const { hostname, port } = new URL(api.url);
    const socket = connect(Number(port), hostname);
    return new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    }).finally(() => socket.destroy());
  };

  beforeAll(async () => {
    folder = temporaryFolder();
    const [postgres, server] = await Promise.all([sharedPostgres(), startRedis()]);
    redis = server;
    env = { WORKERS: '2', LOG_LEVEL: 'debug', DATABASE_URL: await postgres.createDatabase(), REDIS_URL: redis.url };
  });
  afterAll(async () => {
    await redis?.stop();
  });

  const start = async (settings: Env = {}) => {
    api = await startApi({ ...env, ...settings });
    await eventually(() => expect(workers()).toHaveLength(2));
  };
  afterEach(async () => {
    await api?.kill();
  });

  test('has both answer, and what one ends the other refuses at its next request', async () => {
    await start();
    const by = await answeredBy(20);
    const ada = await member(api);
    await ada.ask('mutation { logout { sessionsEnded } }');
    const after = await Promise.all(Array.from({ length: 10 }, () => ada.ask('{ me { id } }')));

    expect(by).toEqual(new Set([1, 2]));
    expect(after.map(({ data }) => data)).toEqual(after.map(() => ({ me: null })));
  });

  test('starts another for one that is killed, while the other one answers', async () => {
    await start();
    const [first] = workers();
    process.kill(Number(first?.pid), 'SIGKILL');

    await api.logged('a worker has ended; another one takes its place', { worker: 1, signal: 'SIGKILL' });
    const meanwhile = await requests(20);
    await eventually(() => expect(workers()).toHaveLength(3));

    expect(meanwhile.map(({ status }) => status)).toEqual(meanwhile.map(() => 200));
    expect(await answeredBy(20)).toEqual(new Set([2, 3]));
  });

  test('answers what is in flight when it is told to end, refuses what is new, and ends with 0', async () => {
    await start();
    const logins = await withPostgres(String(env.DATABASE_URL), async (holder) => {
      await holder.query('begin; lock table users');
      const waiting = Array.from({ length: 6 }, () => api.ask(LOGIN, { input: ADMIN }));
      await eventually(async () =>
        expect(await lockWaits(String(env.DATABASE_URL), LOOKS_UP_EMAIL)).toBe(waiting.length),
      );
      api.signal('SIGTERM');
      await eventually(() => expect(connects()).resolves.toBe(false));
      await holder.query('commit');
      return Promise.all(waiting);
    });

    expect(logins.map(({ data }) => data.login.user.email)).toEqual(logins.map(() => ADMIN.email));
    expect(await api.exited).toEqual({ code: 0, signal: null });
    for (const { pid } of workers()) await isGone(pid);
  });

  test('takes its workers with it when it is killed', async () => {
    await start();
    await api.kill();

    for (const { pid } of workers()) await isGone(pid);
  });

  test('has each read its manifest again on a signal', async () => {
    trust(OLD);
    await start({ PERSISTED_OPERATIONS: 'trusted', OPERATIONS_MANIFEST: manifest() });
    const all = async (text: string) =>
      (await Promise.all(Array.from({ length: 10 }, () => api.ask(text)))).flatMap(codes);
    const before = await all(NEW);
    trust(OLD, NEW);
    api.signal('SIGUSR2');
    await eventually(() => expect(api.lines('manifest of operations read', { documents: 2 })).toHaveLength(2));

    expect(before).toEqual(Array.from({ length: 10 }, () => 'DOCUMENT_NOT_TRUSTED'));
    expect(await all(NEW)).toEqual([]);
  });

  test('tries again where another one cannot start, while the one that is left answers', async () => {
    trust(OLD);
    await start({ PERSISTED_OPERATIONS: 'trusted', OPERATIONS_MANIFEST: manifest() });
    writeFileSync(manifest(), 'no manifest');
    const [first] = workers();
    process.kill(Number(first?.pid), 'SIGKILL');
    await api.logged('a worker cannot be started; it is tried again');
    const meanwhile = await api.ask(OLD);
    trust(OLD);
    await eventually(() => expect(workers()).toHaveLength(3));

    expect(meanwhile.data).toEqual({ me: null });
    expect(api.output()).toContain('OPERATIONS_MANIFEST');
  });

  test('ends with 1, and says once what is wrong, where none can start', async () => {
    let busy: NetServer | undefined;
    try {
      busy = createServer();
      await new Promise<void>((resolve) => busy?.listen(0, '127.0.0.1', resolve));
      const { port } = busy.address() as { port: number };
      const taken = await runCommand('dist/src/main.js', [], { ...env, PORT: String(port) });
      const unreachable = new URL(String(env.DATABASE_URL));
      unreachable.port = String(await freePort());
      const away = await runCommand('dist/src/main.js', [], { ...env, DATABASE_URL: unreachable.href });

      expect(taken).toEqual({ code: 1, output: expect.stringMatching(/^PORT is in use.*\n$/) });
      expect(away).toEqual({
        code: 1,
        output: expect.stringMatching(/^DATABASE_URL .*\nA worker has ended before it was ready\.\n$/),
      });
    } finally {
      busy?.close();
    }
  });

  test('is refused where its workers would share no database and no limits', async () => {
    const { DATABASE_URL, REDIS_URL } = env as Record<'DATABASE_URL' | 'REDIS_URL', string>;
    for (const lacking of [{ DATABASE_URL }, { REDIS_URL }, {}] as Env[])
      expect(await runCommand('dist/src/main.js', [], { WORKERS: '2', ...lacking })).toEqual({
        code: 1,
        output: expect.stringContaining('WORKERS must be 1 without DATABASE_URL and REDIS_URL'),
      });
  });
});
