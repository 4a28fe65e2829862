// A process ends in time and with 0, whatever its clients and servers do; these fall silent or are frozen, and a
// signal is sent.

import { existsSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { endBy } from '../../src/process/run.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { isGone } from '../support/is-gone.js';
import { member } from '../support/people.js';
import {
  type ApiProcess,
  HANGS_AFTER_MS,
  startApi,
  startConsumer,
  startProcess,
  usedDataFolder,
} from '../support/processes.js';
import { freePort } from '../support/servers/free-port.js';
import { type PostgresServer, startPostgres } from '../support/servers/postgres.js';
import type { Server } from '../support/servers/private-server.js';
import { type RabbitServer, startRabbit } from '../support/servers/rabbit.js';
import { startRedis } from '../support/servers/redis.js';

const CLEAN = { code: 0, signal: null };
const ANY_REQUEST = 'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';

/** A client that sends this and says nothing more. */
function silentClient(url: string, text: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () =>
      text ? socket.write(text, () => resolve(socket)) : resolve(socket),
    );
    socket.once('error', reject);
    socket.once('connect', () => socket.on('error', () => undefined));
  });
}

const isFree = (url: string) => expect(fetch(`${url}/health/live`)).rejects.toThrow();

describe('on SIGTERM the API ends in time, with 0, whatever its clients do', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await usedDataFolder();
  });

  test.each([
    ['have not sent a byte', ''],
    ['have had an answer on a connection that is kept', 'GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['stop within the first line', 'GET /hea'],
    ['stop within the headers', ANY_REQUEST],
    ['stop within the body', `${ANY_REQUEST}content-length: 90\r\n\r\n{"query":`],
    ['read no answer', 'GET /graphql HTTP/1.1\r\nhost: x\r\naccept: text/html\r\n\r\n'.repeat(400)],
  ])('when fifty %s', async (_, text) => {
    await using api = await startApi({ DATA_DIR: folder });
    const sockets = await Promise.all(Array.from({ length: 50 }, () => silentClient(api.url, text)));
    for (const socket of sockets) socket.pause();

    expect(await ended(api)).toEqual(CLEAN);
    expect(existsSync(join(folder, 'lock'))).toBe(false);
    for (const socket of sockets) socket.destroy();
  });

  test('when the mail server that it sends to hangs', async () => {
    const hanging = createServer((socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve));
    const { port } = hanging.address() as { port: number };
    const connected = new Promise((resolve) => hanging.once('connection', resolve));
    await using api = await startApi({ DATA_DIR: folder, SMTP_URL: `smtp://127.0.0.1:${port}` });
    await member(api);
    await connected;

    expect(await ended(api)).toEqual(CLEAN);
    expect(existsSync(join(folder, 'lock'))).toBe(false);
    hanging.close();
  });
});

describeWithServers(['postgres', 'redis', 'rabbitmq'], 'what hangs beside it keeps no process from ending', () => {
  let servers: { postgres: PostgresServer; redis: Server; rabbit: RabbitServer };

  beforeAll(async () => {
    servers = { postgres: await startPostgres(), redis: await startRedis(), rabbit: await startRabbit() };
  });
  afterAll(() => Promise.all(Object.values(servers).map((server) => server.stop())));

  test.each(['redis', 'rabbit', 'postgres'] as const)(
    'API and consumer end with 0 while %s is frozen',
    async (name) => {
      const env = {
        DATABASE_URL: await servers.postgres.createDatabase(),
        REDIS_URL: servers.redis.url,
        AMQP_URL: servers.rabbit.url,
      };
      await using api = await startApi(env);
      await using consumer = startConsumer(env);
      await consumer.logged('consumer is ready');
      await member(api);

      servers[name].freeze();
      const pending = member(api).catch(() => null);
      try {
        expect(await Promise.all([ended(api), ended(consumer)])).toEqual([CLEAN, CLEAN]);
      } finally {
        servers[name].thaw();
      }
      await pending;
    },
  );

  test('one signal to npm run consumer ends it', async () => {
    const env = { DATABASE_URL: await servers.postgres.createDatabase(), AMQP_URL: servers.rabbit.url };
    await using consumer = startProcess('run', env, { program: 'npm', args: ['consumer'] });
    await consumer.logged('consumer is ready');

    expect(await ended(consumer)).toEqual(CLEAN);
    await isGone(-consumer.pid);
  });
});

describe('one signal to npm start', () => {
  test.each<NodeJS.Signals>(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'])(
    '%s ends npm, the API and all between',
    async (signal) => {
      const folder = await usedDataFolder();
      await using npm = startProcess('start', { DATA_DIR: folder }, { program: 'npm' });
      const { address } = await npm.logged('API is ready');

      npm.signal(signal);
      const ended = await npm.exited;
      await isGone(-npm.pid);

      // npm passes these two on and waits; of the others it dies itself, and the API follows.
      if (signal === 'SIGTERM' || signal === 'SIGINT') expect(ended).toEqual(CLEAN);
      await isFree(String(address));
      expect(existsSync(join(folder, 'lock'))).toBe(false);
    },
  );

  test('to the whole group, as a terminal does, and again, cuts nothing off', async () => {
    const env = { PORT: String(await freePort()), DATA_DIR: await usedDataFolder() };
    await using npm = startProcess('start', env, { program: 'npm' });
    await npm.logged('API is ready');

    process.kill(-npm.pid, 'SIGINT');
    process.kill(-npm.pid, 'SIGINT');

    expect(await npm.exited).toEqual(CLEAN);
    expect(existsSync(join(env.DATA_DIR, 'lock'))).toBe(false);
  });
});

async function ended(running: Pick<ApiProcess, 'signal' | 'exited'>) {
  running.signal('SIGTERM');
  return (await endBy(performance.now() + HANGS_AFTER_MS, running.exited)) ? running.exited : 'hangs';
}
