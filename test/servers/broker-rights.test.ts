// In production the API and the consumer look for their queues and declare none, so their user needs no right to
// configure the broker. `npm run migrate` declares them. Shown with a user that has no such right.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { member } from '../support/people.js';
import {
  type ApiProcess,
  allHandled,
  type Env,
  type Running,
  runCommand,
  startApi,
  startConsumer,
} from '../support/processes.js';
import { freePort } from '../support/servers/free-port.js';
import { sharedPostgres } from '../support/servers/postgres.js';
import { type RabbitServer, startRabbit } from '../support/servers/rabbit.js';

const MIGRATE = 'dist/src/commands/migrate.js';
const LACKS = 'broker lacks our queues: run npm run migrate';

describeWithServers(['postgres', 'rabbitmq'], 'a user of the broker without the right to configure', () => {
  let rabbit: RabbitServer;
  let env: Env;
  let api: ApiProcess;
  let consumer: Running;

  beforeAll(async () => {
    const [postgres, broker] = await Promise.all([sharedPostgres(), startRabbit()]);
    rabbit = broker;
    await rabbit.control('add_user', 'limited', 'its-password');
    // As in docs/deployment.md.
    await rabbit.control('set_permissions', 'limited', '^$', '^identity\\..*|^amq\\.default$', '^identity\\..*');
    env = {
      NODE_ENV: 'production',
      BCRYPT_COST: '10',
      DATABASE_URL: await postgres.createDatabase(),
      REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
      AMQP_URL: rabbit.url.replace('guest:guest', 'limited:its-password'),
    };
  });
  afterAll(async () => {
    await Promise.all([api?.kill(), consumer?.kill()]);
    await rabbit?.stop();
  });

  const events = async () => ((await (await fetch(`${api.url}/health/ready`)).json()) as { events: string }).events;

  test('cannot declare, and the command says so without the password', async () => {
    const { code, output } = await runCommand(MIGRATE, [], env);

    expect(code).toBe(0);
    expect(output).toMatch(/^AMQP_URL: the queues are not declared \(.*access to .* refused/m);
    expect(output).not.toContain('its-password');
  });

  test('is told what the broker lacks, while the API answers and keeps its events', async () => {
    api = await startApi(env);
    consumer = startConsumer(env);
    await member(api);

    await Promise.all([api.logged(LACKS), consumer.logged(LACKS)]);

    expect(await events()).toBe('degraded');
  });

  test('is enough once the queues are declared', async () => {
    const { code, output } = await runCommand(MIGRATE, [], { ...env, AMQP_URL: rabbit.url });
    expect([code, output.trimEnd().split('\n')]).toEqual([
      0,
      ['The schema is up to date.', 'The queues are declared.'],
    ]);

    await consumer.logged('consumer is ready');
    await allHandled(env.DATABASE_URL as string);

    await eventually(async () => expect(await events()).toBe('up'));
    await rabbit.restart();
    await member(api);
    await allHandled(env.DATABASE_URL as string);
  });
});
