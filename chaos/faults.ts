import { setTimeout as delay } from 'node:timers/promises';
import type { Running } from '../test/support/processes.js';
import { withPostgres } from '../test/support/servers/postgres.js';
import type { Server } from '../test/support/servers/private-server.js';
import type { Instance, World } from './world.js';

/** Does something bad and mends it; `random` is from 0 up to 1. */
export type Fault = (world: World, random: () => number) => Promise<void>;

const CLOCK_MS = 3_600_000;

function pick<T>(random: () => number, all: readonly T[]): T {
  return all[Math.floor(random() * all.length)] as T;
}

/** Long enough to be noticed, and shorter than what gives up on it. */
const pauseMs = (random: () => number) => 200 + random() * 1_800;
/** Some are longer than what gives up on it. */
const longPauseMs = (random: () => number) => 5 * pauseMs(random);

async function frozen(server: Server, random: () => number): Promise<void> {
  server.freeze();
  await delay(pauseMs(random));
  server.thaw();
}

async function frozenProcess({ running }: Instance<Running>, random: () => number): Promise<void> {
  running.signal('SIGSTOP');
  await delay(pauseMs(random));
  running.signal('SIGCONT');
}

async function killed(instance: Instance<Running>): Promise<void> {
  await instance.running.kill();
  await instance.start();
}

async function crashed(server: Server, random: () => number): Promise<void> {
  await server.crash();
  await delay(pauseMs(random));
  await server.resume();
}

/** Left out where no disk can be mounted for it. */
export const NEEDS_DISK = 'disk of PostgreSQL full';

export const FAULTS: Record<string, Fault> = {
  'API killed': ({ apis }, random) => killed(pick(random, apis)),
  'API frozen': ({ apis }, random) => frozenProcess(pick(random, apis), random),
  'consumer killed': ({ consumers }, random) => killed(pick(random, consumers)),
  'consumer stopped': async ({ consumers }, random) => {
    const consumer = pick(random, consumers);
    await consumer.running.stop();
    await consumer.start();
  },
  'consumer frozen': ({ consumers }, random) => frozenProcess(pick(random, consumers), random),
  // That of an API dates what people ask for, and ends their tokens.
  'clock of a consumer jumps': async ({ consumers }, random) =>
    pick(random, consumers).setClock(Math.round((random() - 0.5) * 2 * CLOCK_MS)),
  'network split': async ({ apis, consumers }, random) => {
    const link = pick(random, pick(random, [...apis, ...consumers]).links);
    link.split();
    await delay(longPauseMs(random));
    if (random() < 0.5) link.cut();
    link.heal();
  },
  'broker killed': ({ rabbit }, random) => crashed(rabbit, random),
  'broker frozen': ({ rabbit }, random) => frozen(rabbit, random),
  'disk of the broker full': async ({ rabbit }, random) => {
    // It blocks who publishes as soon as less is free than this.
    await rabbit.control('set_disk_free_limit', '1000000GB');
    await delay(pauseMs(random));
    await rabbit.control('set_disk_free_limit', '1MB');
  },
  'PostgreSQL killed': ({ postgres }, random) => crashed(postgres.server, random),
  'PostgreSQL frozen': ({ postgres }, random) => frozen(postgres.server, random),
  [NEEDS_DISK]: ({ postgres }, random) => postgres.fillDisk(pauseMs(random)),
  'standby of PostgreSQL promoted': ({ postgres }) => postgres.promote(),
  'connections of PostgreSQL cut': ({ postgres }) =>
    withPostgres(postgres.url, (client) =>
      client.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and usename is not null',
      ),
    ).then(() => undefined),
  'Redis killed': ({ redis }, random) => crashed(redis, random),
  'Redis frozen': ({ redis }, random) => frozen(redis, random),
  'mail server away': async ({ smtp }, random) => {
    await smtp.close();
    await delay(pauseMs(random));
    await smtp.listen();
  },
};
