import { connect } from 'amqplib';
import { v7 as uuidv7 } from 'uuid';
import { toCloudEvent, userActivated } from '../src/events/outbox.entity.js';
import { type Env, select, startApi, startConsumer } from '../test/support/processes.js';
import { startPostgres } from '../test/support/servers/postgres.js';
import { startRabbit } from '../test/support/servers/rabbit.js';
import { machine, printRates } from './instances.js';

/**
 * Events a second from the outbox to the broker, and on into the inbox of the consumer, beside what plain `amqplib`
 * publishes to the same queues, with as many confirms open at once. ROUNDS in turns of EVENTS each, 5 of 5,000 unless
 * told. The consumer runs in each.
 */
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const EVENTS = Number(process.env.EVENTS ?? 5_000);
/** As many as a relay has in hand. */
const WINDOW = 50;
const EXCHANGE = 'identity.events';
const TYPE = 'user.activated';

await using stack = new AsyncDisposableStack();
const [postgres, rabbit] = await Promise.all([startPostgres(), startRabbit()]);
stack.defer(async () => void (await Promise.all([postgres.stop(), rabbit.stop()])));
const database = await postgres.createDatabase();
const env: Env = { DATABASE_URL: database, AMQP_URL: rabbit.url, LOG_LEVEL: 'info' };
const api = await startApi(env);
stack.defer(() => api.kill());
const consumer = startConsumer(env);
stack.defer(() => consumer.kill());
await consumer.logged('consumer is ready');

const rates = new Map<string, number[]>(
  ['amqplib, confirmed', 'outbox to broker', 'outbox to inbox'].map((way) => [way, []]),
);
for (let round = 0; round <= ROUNDS; round += 1) {
  const times = [await published(), ...(await relayed())];
  // The first one warms up.
  if (round > 0)
    for (const [at, numbers] of [...rates.values()].entries()) numbers.push(EVENTS / ((times[at] ?? 0) / 1000));
}

printRates('events', rates);
console.log(`\n${ROUNDS} × ${EVENTS} events, ${WINDOW} at once; ${machine()}.`);

/** How long plain `amqplib` takes for the same events, in milliseconds, until the last is confirmed. */
async function published(): Promise<number> {
  const connection = await connect(rabbit.url);
  const channel = await connection.createConfirmChannel();
  const events = Array.from({ length: EVENTS }, () => toCloudEvent(userActivated(uuidv7(), uuidv7())));
  const began = performance.now();
  const publishNext = async (): Promise<void> => {
    for (let event = events.pop(); event; event = events.pop()) {
      const content = Buffer.from(JSON.stringify(event));
      const options = {
        messageId: event.id,
        type: TYPE,
        contentType: 'application/json',
        persistent: true,
        mandatory: true,
      };
      await new Promise<void>((resolve, reject) => {
        channel.publish(EXCHANGE, TYPE, content, options, (error) => (error ? reject(error) : resolve()));
      });
    }
  };
  await Promise.all(Array.from({ length: WINDOW }, publishNext));
  const ms = performance.now() - began;
  await connection.close();
  // What the consumer has left of it would slow down the next one.
  await until(waiting);
  return ms;
}

/** From the commit of the events until all are published, and until all are handled. */
async function relayed(): Promise<[toBroker: number, toInbox: number]> {
  const userId = uuidv7();
  await select(
    database,
    `insert into outbox (id, type, subject, data, occurred_at, attempts)
     select gen_random_uuid(), $1, $2, json_build_object('userId', $2::text, 'activatedBy', $2::text), now(), 0
     from generate_series(1, $3)`,
    [TYPE, userId, EVENTS],
  );
  const began = performance.now();
  await until(() => count('select count(*)::int from outbox where published_at is null'));
  const toBroker = performance.now() - began;
  const handled = () => count('select count(*)::int from outbox join inbox using (id) where subject = $1', [userId]);
  await until(async () => EVENTS - (await handled()));
  return [toBroker, performance.now() - began];
}

function waiting(): Promise<number> {
  return rabbit.withChannel(async (channel) => (await channel.checkQueue('identity.consumer')).messageCount);
}

async function count(sql: string, values: unknown[] = []): Promise<number> {
  return (await select(database, sql, values))[0].count;
}

/** Until nothing is left. */
async function until(left: () => Promise<number>): Promise<void> {
  while ((await left()) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
}
