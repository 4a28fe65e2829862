import { setTimeout as delay } from 'node:timers/promises';
import { type ApiProcess, type Env, type Running, startApi, startConsumer } from '../test/support/processes.js';
import { type PostgresServer, startPostgres, withPostgres } from '../test/support/servers/postgres.js';
import type { Server } from '../test/support/servers/private-server.js';
import { type RabbitServer, startRabbit } from '../test/support/servers/rabbit.js';
import { startRedis } from '../test/support/servers/redis.js';
import { TestSmtpServer } from '../test/support/smtp.js';

/** Everything that may fail: two of each process of ours, and one of each server. */
export interface World {
  postgres: PostgresServer;
  rabbit: RabbitServer;
  redis: Server;
  smtp: TestSmtpServer;
  database: string;
  apis: ApiProcess[];
  consumers: Running[];
  stop(): Promise<void>;
}

export interface Programs {
  api: string;
  consumer: string;
}

export async function startWorld(programs: Programs): Promise<{ world: World; env: Env }> {
  const [postgres, rabbit, redis, smtp] = await Promise.all([
    startPostgres(),
    startRabbit(),
    startRedis(),
    TestSmtpServer.create(),
  ]);
  await smtp.listen();
  const database = await postgres.createDatabase();
  // The servers of tests answer before a commit is written: here they are killed.
  await withPostgres(postgres.url, (client) =>
    client.query(`alter database ${new URL(database).pathname.slice(1)} set synchronous_commit = on`),
  );
  const env: Env = {
    DATABASE_URL: database,
    REDIS_URL: redis.url,
    AMQP_URL: rabbit.url,
    SMTP_URL: `smtp://${smtp.address}`,
  };
  const first = await startApi(env, programs.api);
  const world: World = {
    ...{ postgres, rabbit, redis, smtp, database },
    apis: [first, await startApi(env, programs.api)],
    consumers: [startConsumer(env, programs.consumer), startConsumer(env, programs.consumer)],
    async stop() {
      await Promise.all([...world.apis, ...world.consumers].map((running) => running.kill()));
      await Promise.all([smtp.close(), redis.stop(), rabbit.stop(), postgres.stop()]);
    },
  };
  return { world, env };
}

/** Does something bad and mends it; `random` is from 0 up to 1. */
export type Fault = (world: World, env: Env, programs: Programs, random: () => number) => Promise<void>;

const pick = (random: () => number, count: number) => Math.floor(random() * count);
/** Long enough to be noticed, and shorter than what gives up on it. */
const pauseMs = (random: () => number) => 200 + random() * 1_800;

async function frozen(server: Server, random: () => number): Promise<void> {
  server.freeze();
  await delay(pauseMs(random));
  server.thaw();
}

async function frozenProcess(running: Running | undefined, random: () => number): Promise<void> {
  running?.signal('SIGSTOP');
  await delay(pauseMs(random));
  running?.signal('SIGCONT');
}

async function crashed(server: Server, random: () => number): Promise<void> {
  await server.crash();
  await delay(pauseMs(random));
  await server.resume();
}

export const FAULTS: Record<string, Fault> = {
  'API killed': async (world, env, { api }, random) => {
    const index = pick(random, world.apis.length);
    await world.apis[index]?.kill();
    world.apis[index] = await startApi(env, api);
  },
  'API frozen': (world, _env, _programs, random) => frozenProcess(world.apis[pick(random, world.apis.length)], random),
  'consumer killed': async (world, env, { consumer }, random) => {
    const index = pick(random, world.consumers.length);
    await world.consumers[index]?.kill();
    world.consumers[index] = startConsumer(env, consumer);
  },
  'consumer stopped': async (world, env, { consumer }, random) => {
    const index = pick(random, world.consumers.length);
    await world.consumers[index]?.stop();
    world.consumers[index] = startConsumer(env, consumer);
  },
  'consumer frozen': (world, _env, _programs, random) =>
    frozenProcess(world.consumers[pick(random, world.consumers.length)], random),
  'broker killed': ({ rabbit }, _env, _programs, random) => crashed(rabbit, random),
  'broker frozen': ({ rabbit }, _env, _programs, random) => frozen(rabbit, random),
  'PostgreSQL killed': ({ postgres }, _env, _programs, random) => crashed(postgres, random),
  'PostgreSQL frozen': ({ postgres }, _env, _programs, random) => frozen(postgres, random),
  'connections of PostgreSQL cut': ({ postgres }) =>
    withPostgres(postgres.url, (client) =>
      client.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and usename is not null',
      ),
    ).then(() => undefined),
  'Redis killed': ({ redis }, _env, _programs, random) => crashed(redis, random),
  'Redis frozen': ({ redis }, _env, _programs, random) => frozen(redis, random),
  'mail server away': async ({ smtp }, _env, _programs, random) => {
    await smtp.close();
    await delay(pauseMs(random));
    await smtp.listen();
  },
};
