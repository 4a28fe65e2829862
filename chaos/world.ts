import { clockAhead, setClock } from '../test/support/own-clock.js';
import { type ApiProcess, type Env, type Running, startApi, startConsumer } from '../test/support/processes.js';
import type { Server } from '../test/support/servers/private-server.js';
import { type RabbitServer, startRabbit } from '../test/support/servers/rabbit.js';
import { startRedis } from '../test/support/servers/redis.js';
import { TestSmtpServer } from '../test/support/smtp.js';
import { Link } from './link.js';
import { ReplicatedPostgres } from './replicated-postgres.js';

/** Everything that may fail: two of each process of ours, and one of each server. */
export interface World {
  postgres: ReplicatedPostgres;
  rabbit: RabbitServer;
  redis: Server;
  smtp: TestSmtpServer;
  apis: Instance<ApiProcess>[];
  consumers: Instance<Running>[];
  stop(): Promise<void>;
}

/** A place where a process of ours runs, with its own ways to the servers. */
export interface Instance<T extends Running> {
  running: T;
  links: Link[];
  /** Starts it again where it has ended. */
  start(): Promise<void>;
  setClock(offsetMs: number): void;
}

export interface Programs {
  api: string;
  consumer: string;
}

export async function startWorld(programs: Programs): Promise<World> {
  const [postgres, rabbit, redis, smtp] = await Promise.all([
    ReplicatedPostgres.start(),
    startRabbit(),
    startRedis(),
    TestSmtpServer.create(),
  ]);
  await smtp.listen();
  const startInstance = async <T extends Running>(launch: (env: Env) => T | Promise<T>): Promise<Instance<T>> => {
    const portOf = (url: string) => () => Number(new URL(url).port);
    const links = await Promise.all(
      [() => postgres.port, portOf(rabbit.url), portOf(redis.url)].map((port) => Link.open(port)),
    );
    const [toPostgres, toRabbit, toRedis] = links as [Link, Link, Link];
    const clock = clockAhead(0);
    const env: Env = {
      ...clock,
      DATABASE_URL: toPostgres.url(postgres.url),
      AMQP_URL: toRabbit.url(rabbit.url),
      REDIS_URL: toRedis.url(redis.url),
      SMTP_URL: `smtp://${smtp.address}`,
    };
    const instance: Instance<T> = {
      running: await launch(env),
      links,
      start: async () => {
        instance.running = await launch(env);
      },
      setClock: (offsetMs) => setClock(clock, offsetMs),
    };
    return instance;
  };
  const anApi = () => startInstance((env) => startApi(env, programs.api));
  const aConsumer = () => startInstance((env) => startConsumer(env, programs.consumer));
  // The first one migrates.
  const world: World = {
    ...{ postgres, rabbit, redis, smtp },
    apis: [await anApi(), await anApi()],
    consumers: [await aConsumer(), await aConsumer()],
    async stop() {
      const instances = [...world.apis, ...world.consumers];
      await Promise.all(instances.map(({ running }) => running.kill()));
      for (const { links } of instances) for (const link of links) link.close();
      await Promise.all([smtp.close(), redis.stop(), rabbit.stop(), postgres.stop()]);
    },
  };
  return world;
}
