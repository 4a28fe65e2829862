// Three nodes of RabbitMQ, of which each is killed under load, the leader of every queue included: nothing is lost and
// nothing done twice. API and consumer know all three addresses.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { codes, DELETE_USER, member, signIn } from '../support/people.js';
import {
  type ApiProcess,
  allHandled,
  type Env,
  type Running,
  runCommand,
  startApi,
  startConsumer,
} from '../support/processes.js';
import { sharedPostgres } from '../support/servers/postgres.js';
import { type RabbitServer, startRabbitCluster } from '../support/servers/rabbit.js';

const QUEUES = ['identity.consumer', 'identity.mail', 'identity.acknowledgements'];

describeWithServers(['postgres', 'rabbitmq'], 'a cluster of three brokers', () => {
  let nodes: RabbitServer[];
  let database: string;
  let env: Env;
  let api: ApiProcess;
  let consumers: Running[] = [];

  beforeAll(async () => {
    const [postgres, cluster] = await Promise.all([sharedPostgres(), startRabbitCluster(3)]);
    nodes = cluster;
    // One cluster: what is declared on a node is there on the others.
    const [first, ...others] = nodes;
    await first?.withChannel(async (channel) => void (await channel.assertQueue('probe')));
    for (const node of others) await node.withChannel(async (channel) => void (await channel.checkQueue('probe')));
    database = await postgres.createDatabase();
    env = { DATABASE_URL: database, AMQP_URL: nodes.map(({ url }) => url).join() };
    api = await startApi(env);
    consumers = [startConsumer(env), startConsumer(env)];
    await Promise.all(consumers.map((consumer) => consumer.logged('consumer is ready')));
  });

  afterAll(async () => {
    await Promise.all([api?.kill(), ...consumers.map((consumer) => consumer.kill())]);
    for (const node of (nodes ?? []).toReversed()) await node.stop();
  });

  test('loses nothing and doubles nothing when each of its nodes is killed under load', async () => {
    const root = await signIn(api);
    let isDone = false;
    const deleted: string[] = [];
    const load = Array.from({ length: 3 }, async () => {
      while (!isDone) {
        const { id } = await member(api);
        expect(codes(await root.ask(DELETE_USER, { id }))).toEqual([]);
        deleted.push(id);
      }
    });
    const more = async (count: number) => {
      const before = deleted.length;
      await eventually(() => expect(deleted.length).toBeGreaterThan(before + count));
    };

    for (const node of nodes) {
      await more(10);
      await node.crash();
      await more(10);
      await node.resume();
      // Each queue has all of its members again, so the next kill leaves a majority.
      await eventually(async () => {
        for (const queue of QUEUES) await node.withChannel(async (channel) => void (await channel.checkQueue(queue)));
      });
    }
    isDone = true;
    await Promise.all(load);

    await allHandled(database);
    await eventually(() => {
      const handled = consumers.flatMap((consumer) =>
        consumer.lines('user deletion received').map(({ userId }) => userId),
      );
      expect(handled.toSorted()).toEqual(deleted.toSorted());
    });
    const dead = await runCommand('dist/src/commands/events-replay.js', [], env);
    expect(dead.output).toBe('Brought back: 0, left: 0\n');
    console.info(`${deleted.length} deletions, each of three nodes killed once`);
  });

  test('is reached by the command too when its first node is away', async () => {
    await nodes[0]?.crash();

    const { code, output } = await runCommand('dist/src/commands/events-replay.js', [], env);

    await nodes[0]?.resume();
    expect([code, output]).toEqual([0, 'Brought back: 0, left: 0\n']);
  });
});
