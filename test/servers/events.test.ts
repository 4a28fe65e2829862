// An event has exactly one effect, whatever stops on its way; API, consumer, broker and database are killed and
// frozen.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Channel, GetMessage } from 'amqplib';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { lockWaits } from '../support/locks.js';
import {
  type Answer,
  codes,
  DELETE_USER,
  freshEmail,
  member,
  members,
  type Person,
  signIn,
} from '../support/people.js';
import {
  type ApiProcess,
  allHandled,
  drained,
  type Env,
  type Running,
  select,
  startApi,
  startConsumer,
} from '../support/processes.js';
import { type PostgresServer, startPostgres, withPostgres } from '../support/servers/postgres.js';
import { type RabbitServer, startRabbit } from '../support/servers/rabbit.js';

const EXCHANGE = 'identity.events';
const QUEUE = 'identity.consumer';
const DEAD = 'identity.consumer.dead';
const QUEUE_OPTIONS = {
  durable: true,
  arguments: {
    'x-queue-type': 'quorum',
    'x-dead-letter-exchange': 'identity.dead',
    'x-dead-letter-routing-key': QUEUE,
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
    'x-delivery-limit': 20,
  },
};
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const AsyncFunction = (async () => undefined).constructor as new (
  ...source: string[]
) => (channel: Channel) => Promise<void>;

describeWithServers(['postgres', 'rabbitmq'], 'events over RabbitMQ', () => {
  let postgres: PostgresServer;
  let rabbit: RabbitServer;
  let env: Env;
  let database: string;
  let api: ApiProcess;
  let consumer: Running;
  let admin: Person;

  beforeAll(async () => {
    [postgres, rabbit] = await Promise.all([startPostgres(), startRabbit()]);
    database = await postgres.createDatabase();
    env = { DATABASE_URL: database, AMQP_URL: rabbit.url };
    api = await startApi(env);
    consumer = startConsumer(env);
    admin = await signIn(api);
    await consumer.logged('consumer is ready');
    await eventsAre('up');
  });

  afterAll(async () => {
    await Promise.all([api?.kill(), consumer?.kill()]);
    await Promise.all([rabbit?.stop(), postgres?.stop()]);
  });

  const remove = (id: string, by = admin): Promise<Answer> => api.ask(DELETE_USER, { id }, by.token);
  const waiting = (queue: string) =>
    rabbit.withChannel(async (channel) => (await channel.checkQueue(queue)).messageCount);
  const inbox = (ids: string[]) => select(database, 'select id, type from inbox where id = any($1)', [ids]);
  const outboxOf = (userId: string) =>
    select(database, 'select id, type, attempts, published_at from outbox where subject = $1 order by id', [userId]);
  const health = async () =>
    (await (await fetch(`${api.url}/health/ready`)).json()) as { status: string; events: string };
  const eventsAre = (state: 'up' | 'degraded') => eventually(async () => expect((await health()).events).toBe(state));
  const dropTopology = () =>
    rabbit.withChannel(async (channel) => {
      for (const queue of [QUEUE, DEAD]) await channel.deleteQueue(queue);
      for (const exchange of [EXCHANGE, 'identity.dead']) await channel.deleteExchange(exchange);
    });

  test('a registration and a deletion reach the consumer, each with one effect', async () => {
    const user = await member(api);
    await consumer.logged('user registration received', { userId: user.id });
    await remove(user.id);
    await consumer.logged('user deletion received', { userId: user.id });

    await allHandled(database);
    const events = await outboxOf(user.id);
    expect(events.map(({ type }) => type)).toEqual(['user.registered', 'user.deleted']);
    expect(await inbox(events.map(({ id }) => id))).toHaveLength(2);
    expect(consumer.lines('user registration received', { userId: user.id })).toHaveLength(1);
    expect(consumer.lines('user deletion received', { userId: user.id })).toHaveLength(1);
  });

  test('on the wire an event is CloudEvents 1.0, with ids and nothing personal', async () => {
    const messages = await listenedTo(async () => {
      const user = await member(api, { email: 'Grace.Hopper@example.com', name: 'Grace Hopper' });
      await remove(user.id, user);
      return user;
    }, 4);

    const [registered, deleted, mail] = ['user.registered', 'user.deleted', 'mail.requested'].map((type) =>
      messages.events.find((event) => event.type === type),
    );
    const { id: userId } = messages.result;
    const envelope = {
      specversion: '1.0',
      id: expect.stringMatching(UUID),
      source: '/gatehouse',
      subject: userId,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      datacontenttype: 'application/json',
    };
    const deletedAt = expect.stringMatching(/Z$/);
    expect(registered).toEqual({ ...envelope, type: 'user.registered', data: { userId } });
    expect(deleted).toEqual({ ...envelope, type: 'user.deleted', data: { userId, deletedBy: userId, deletedAt } });
    const mailId = expect.stringMatching(UUID);
    expect(mail).toEqual({ ...envelope, subject: mailId, type: 'mail.requested', data: { mailId } });
    for (const { fields, properties, content } of messages.raw) {
      const whole = JSON.stringify({ fields, properties }) + content.toString();
      expect(properties).toMatchObject({ contentType: 'application/json', deliveryMode: 2 });
      expect(properties.messageId).toBe(JSON.parse(content.toString()).id);
      expect(whole).not.toMatch(/hopper|grace|example\.com|password|\$2b\$/i);
    }
  });

  test('deleting again announces nothing', async () => {
    const user = await member(api);

    const first = await remove(user.id);
    const again = [await remove(user.id), await remove(user.id)];
    await allHandled(database);

    for (const answer of again) expect(answer.data).toEqual(first.data);
    expect((await outboxOf(user.id)).map(({ type }) => type)).toEqual(['user.registered', 'user.deleted']);
    await consumer.logged('user deletion received', { userId: user.id });
    expect(consumer.lines('user deletion received', { userId: user.id })).toHaveLength(1);
  });

  test('the same event three times has one effect (A36)', async () => {
    const event = cloudEvent(randomUUID());

    await publish(...Array(3).fill(JSON.stringify(event)));
    await eventually(() => expect(consumer.lines('event was handled before', { eventId: event.id })).toHaveLength(2));

    expect(await inbox([event.id])).toEqual([{ id: event.id, type: event.type }]);
    expect(consumer.lines('user registration received', { eventId: event.id })).toHaveLength(1);
  });

  test('what is no event of ours becomes a dead letter, and the next event flows (A36)', async () => {
    await rabbit.withChannel((channel) => channel.purgeQueue(DEAD));
    const { specversion: _, ...noVersion } = cloudEvent(randomUUID());
    const poison = [
      'not JSON',
      '',
      'null',
      '[]',
      '{"specversion":"1.0"}',
      JSON.stringify(noVersion),
      JSON.stringify({ ...cloudEvent(randomUUID()), data: {} }),
      JSON.stringify({ ...cloudEvent(randomUUID()), id: 'no UUID' }),
      JSON.stringify({ ...cloudEvent(randomUUID()), data: { userId: 'no UUID' } }),
    ];

    await publish(...poison);
    const user = await member(api);

    await consumer.logged('user registration received', { userId: user.id });
    await eventually(async () => expect(await waiting(DEAD)).toBe(poison.length));
    const dead = await rabbit.withChannel((channel) => take(channel, DEAD, poison.length));
    expect(dead.map(({ content }) => content.toString()).sort()).toEqual(poison.toSorted());
  });

  const UNKNOWN = ['user.renamed', 'constructor', '__proto__', 'toString', 'hasOwnProperty'];
  test.each(UNKNOWN)('an event of the type %s, which the consumer does not know, is passed over', async (type) => {
    const event = { ...cloudEvent(randomUUID()), type, data: {} };

    await publish(JSON.stringify(event));

    await consumer.logged('event of no concern', { eventId: event.id });
    expect(await inbox([event.id])).toEqual([]);
    expect(await waiting(DEAD)).toBe(0);
  });

  test('a queue that is bound as docs/events.md says hears what it is bound to', async () => {
    const [, code = ''] = /```js\n([\s\S]*?)```/.exec(readFileSync('docs/events.md', 'utf8')) ?? [];
    await rabbit.withChannel(async (channel) => {
      await new AsyncFunction('channel', code)(channel);
      const user = await member(api);
      await remove(user.id);

      const [message] = await take(channel, 'billing', 1);
      await channel.deleteQueue('billing');

      expect(JSON.parse(String(message?.content))).toMatchObject({ type: 'user.deleted', subject: user.id });
    });
  });

  test('an event that no queue takes stays in the outbox until one does', async () => {
    await rabbit.withChannel((channel) => channel.unbindQueue(QUEUE, EXCHANGE, 'user.#'));
    const user = await member(api);
    await eventually(async () => {
      const [event] = await outboxOf(user.id);
      expect(event.attempts).toBeGreaterThanOrEqual(2);
      expect(event.published_at).toBeNull();
    });
    expect(consumer.lines('user registration received', { userId: user.id })).toHaveLength(0);

    await rabbit.withChannel((channel) => channel.bindQueue(QUEUE, EXCHANGE, 'user.#'));

    await consumer.logged('user registration received', { userId: user.id });
    await allHandled(database);
  });

  test('events go on after the exchange was away, and after the broker has closed each connection', async () => {
    await rabbit.withChannel((channel) => channel.deleteExchange(EXCHANGE));
    const missed = await member(api);
    await eventually(async () => expect((await outboxOf(missed.id))[0].attempts).toBeGreaterThanOrEqual(2));
    await rabbit.withChannel(async (channel) => {
      await channel.assertExchange(EXCHANGE, 'topic', { durable: true });
      await channel.bindQueue(QUEUE, EXCHANGE, 'user.#');
      await channel.bindQueue('identity.mail', EXCHANGE, 'mail.#');
    });
    await consumer.logged('user registration received', { userId: missed.id });

    const before = api.lines('broker is gone').length;
    await rabbit.control('close_all_connections', 'of a test');
    await eventually(() => expect(api.lines('broker is gone').length).toBeGreaterThan(before));
    const user = await member(api);

    await consumer.logged('user registration received', { userId: user.id });
    await allHandled(database);
    await eventsAre('up');
  });

  test('a consumer that is killed with messages in hand has each effect once after its restart', async () => {
    await consumer.kill();
    const people = await members(api, 60);
    await drained(database);
    const lines: Running[] = [];

    const start = () => {
      consumer = startConsumer(env);
      lines.push(consumer);
    };

    // When the first one is killed, it has done none; the second has done some.
    await withPostgres(database, async (holder) => {
      await holder.query('begin');
      await holder.query('lock table inbox');
      start();
      await eventually(async () => expect(await lockWaits(database, 'insert into inbox%')).toBeGreaterThan(0));
      await consumer.kill();
    });
    start();
    await consumer.logged('user registration received');
    await consumer.kill();
    start();
    await allHandled(database);

    const handled = await select(database, `select subject from outbox join inbox using (id) where subject = any($1)`, [
      people.map(({ id }) => id),
    ]);
    expect(handled).toHaveLength(people.length);
    await eventually(() => {
      const heard = lines.flatMap((run) => run.lines('user registration received').map(({ userId }) => userId));
      for (const { id } of people) expect(heard).toContain(id);
    });
  });

  test('an API that is killed with events in hand and right after commits publishes them after its restart', async () => {
    rabbit.freeze();
    const inHand = await Promise.all(Array.from({ length: 5 }, () => member(api)));
    await eventually(async () => {
      const claimed = await select(
        database,
        'select id from outbox where subject = any($1) and attempts > 0 and published_at is null',
        [inHand.map(({ id }) => id)],
      );
      expect(claimed).toHaveLength(inHand.length);
    });
    const asking = Array.from({ length: 30 }, () => member(api).catch(() => null));
    await Promise.race(asking);
    await api.kill();
    await Promise.all(asking);
    rabbit.thaw();

    api = await startApi(env);

    await allHandled(database);
    const [{ users, events }] = await select(
      database,
      `select (select count(*) from users) as users, (select count(*) from outbox where type = 'user.registered') as events`,
    );
    expect(events).toBe(users);
  });

  test('a broker that freezes delays events and nothing else', async () => {
    rabbit.freeze();
    const answers = await Promise.all(Array.from({ length: 5 }, () => member(api)));
    const [{ count }] = await select(
      database,
      `select count(*) from outbox where published_at is null and type <> 'mail.requested'`,
    );
    rabbit.thaw();

    expect(answers).toHaveLength(5);
    expect(count).toBe('5');
    await allHandled(database);
  });

  test('a broker that goes in mid-stream and comes back loses and doubles nothing', async () => {
    await using second = await startApi(env);
    let done = false;
    let registered = 0;
    const stream = Array.from({ length: 4 }, () => [api, second])
      .flat()
      .map(async (instance) => {
        while (!done) {
          const user = await member(instance);
          if (registered++ % 2) expect(codes(await remove(user.id, user))).toEqual([]);
        }
      });
    await eventually(() => expect(registered).toBeGreaterThan(20));

    await rabbit.halt();
    const atHalt = registered;
    await eventsAre('degraded');
    await eventually(() => expect(registered).toBeGreaterThan(atHalt + 50));
    await rabbit.resume();
    await eventsAre('up');
    const atResume = registered;
    await eventually(() => expect(registered).toBeGreaterThan(atResume + 20));
    done = true;
    await Promise.all(stream);

    await allHandled(database);
    expect(await waiting(DEAD)).toBe(0);
  });

  test('with the broker down at its start the API is ready and works, and sends later', async () => {
    await Promise.all([api.stop(), consumer.stop()]);
    await rabbit.halt();
    api = await startApi(env);
    consumer = startConsumer(env);

    const user = await member(api);
    const response = await fetch(`${api.url}/health/ready`);
    const [event] = await outboxOf(user.id);

    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: 'ready', events: 'degraded' });
    expect(event).toMatchObject({ attempts: 0, published_at: null });
    await rabbit.resume();
    await consumer.logged('user registration received', { userId: user.id });
    await allHandled(database);
    await eventsAre('up');
  });

  test('a consumer whose database is away keeps its events', async () => {
    const event = cloudEvent(randomUUID());
    await consumer.kill();
    consumer = startConsumer(env);
    await consumer.logged('consumer is ready');

    await postgres.halt();
    await publish(JSON.stringify(event));
    await eventually(() =>
      expect(consumer.lines('message not handled; trying again', { eventId: event.id }).length).toBeGreaterThan(12),
    );
    const code = await consumer.stop();
    consumer = startConsumer(env);
    await consumer.logged('message not handled; trying again', { eventId: event.id });
    await postgres.resume();

    await consumer.logged('user registration received', { eventId: event.id });
    expect(code).toBe(0);
    await eventually(async () => expect(await inbox([event.id])).toHaveLength(1));
    expect(await waiting(DEAD)).toBe(0);
  });

  test.each(['the consumer', 'the API'])(
    '%s may come first: both declare the same durable quorum queue',
    async (first) => {
      await Promise.all([api.stop(), consumer.stop()]);
      await dropTopology();

      if (first === 'the consumer') {
        consumer = startConsumer(env);
        await consumer.logged('consumer is ready');
        api = await startApi(env);
      } else {
        api = await startApi(env);
        await api.logged('broker is there');
        consumer = startConsumer(env);
        await consumer.logged('consumer is ready');
      }
      await api.logged('broker is there');
      const user = await member(api);
      await consumer.logged('user registration received', { userId: user.id });

      // The broker refuses to declare what is there with anything different.
      await rabbit.withChannel(async (channel) => {
        await channel.assertExchange(EXCHANGE, 'topic', { durable: true });
        await channel.assertQueue(QUEUE, QUEUE_OPTIONS);
        await channel.assertQueue(DEAD, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
      });
      await rabbit.withChannel((channel) =>
        expect(channel.assertQueue(QUEUE, { durable: true })).rejects.toThrow('PRECONDITION'),
      );
      for (const { output } of [api, consumer]) expect(output()).not.toMatch(/PRECONDITION|broker does not answer/);
    },
  );

  /** What arrives on the exchange while `work` goes on and until `count` messages are there. */
  async function listenedTo<T>(work: () => Promise<T>, count: number) {
    return rabbit.withChannel(async (channel) => {
      const { queue } = await channel.assertQueue('', { exclusive: true });
      await channel.bindQueue(queue, EXCHANGE, '#');
      const result = await work();
      await allHandled(database);
      const raw = await take(channel, queue, count);
      expect(await channel.get(queue)).toBe(false);
      return { result, raw, events: raw.map(({ content }) => JSON.parse(content.toString())) };
    });
  }

  /** Published past the API, as others could. */
  async function publish(...bodies: string[]): Promise<void> {
    await rabbit.withChannel(async (channel) => {
      for (const body of bodies) {
        channel.publish(EXCHANGE, 'user.registered', Buffer.from(body), {
          contentType: 'application/json',
          persistent: true,
        });
      }
      await (channel as Channel & { waitForConfirms(): Promise<void> }).waitForConfirms();
    });
  }
});

const cloudEvent = (id: string) => ({
  specversion: '1.0',
  id,
  source: '/gatehouse',
  type: 'user.registered',
  subject: randomUUID(),
  time: new Date().toISOString(),
  datacontenttype: 'application/json',
  data: { userId: randomUUID(), email: freshEmail() },
});

async function take(channel: Channel, queue: string, count: number): Promise<GetMessage[]> {
  const messages: GetMessage[] = [];
  await eventually(async () => {
    for (let message = await channel.get(queue, { noAck: true }); message; ) {
      messages.push(message);
      message = await channel.get(queue, { noAck: true });
    }
    expect(messages).toHaveLength(count);
  });
  return messages;
}
