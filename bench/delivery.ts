import { connect } from 'amqplib';
import { v7 as uuidv7 } from 'uuid';
import { type Env, select, startApi, startConsumer } from '../test/support/processes.js';
import { startPostgres } from '../test/support/servers/postgres.js';
import { startRabbit } from '../test/support/servers/rabbit.js';
import { machine, row } from './instances.js';
import { quantile } from './statistics.js';

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
const env: Env = { DATABASE_URL: database, AMQP_URL: rabbit.url, LOG_LEVEL: 'warn' };
const api = await startApi({ ...env, LOG_LEVEL: 'info' });
stack.defer(() => api.kill());
const consumer = startConsumer({ ...env, LOG_LEVEL: 'info' });
stack.defer(() => consumer.kill());
await consumer.logged('consumer is ready');

const rates: Record<string, number[]> = { 'amqplib, confirmed': [], 'outbox to broker': [], 'outbox to inbox': [] };
for (let round = 0; round <= ROUNDS; round += 1) {
  const plain = await published();
  const { toBroker, toInbox } = await relayed();
  // The first one warms up.
  if (round === 0) continue;
  for (const [name, ms] of Object.entries({
    'amqplib, confirmed': plain,
    'outbox to broker': toBroker,
    'outbox to inbox': toInbox,
  }))
    rates[name]?.push(EVENTS / (ms / 1000));
}

row('way', 'events a second (median)', 'least', 'most', 'to amqplib');
row('---', '---', '---', '---', '---');
const reference = quantile(rates['amqplib, confirmed'] ?? [], 0.5);
for (const [name, numbers] of Object.entries(rates)) {
  const median = quantile(numbers, 0.5);
  const ends = [Math.min(...numbers), Math.max(...numbers)].map((rate) => rate.toFixed(0));
  row(name, median.toFixed(0), ...ends, (median / reference).toFixed(2));
}
console.log(`\n${ROUNDS} × ${EVENTS} events, ${WINDOW} at once; ${machine()}.`);

/** How long plain `amqplib` takes for the same events, in milliseconds, until the last is confirmed. */
async function published(): Promise<number> {
  const connection = await connect(rabbit.url);
  const channel = await connection.createConfirmChannel();
  const ids = Array.from({ length: EVENTS }, () => uuidv7());
  const began = performance.now();
  const publishNext = async (): Promise<void> => {
    for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
      const content = Buffer.from(JSON.stringify(eventOf(id)));
      const options = { messageId: id, type: TYPE, contentType: 'application/json', persistent: true, mandatory: true };
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
async function relayed(): Promise<{ toBroker: number; toInbox: number }> {
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
  return { toBroker, toInbox: performance.now() - began };
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

function eventOf(id: string) {
  const data = { userId: id, activatedBy: id };
  const time = new Date().toISOString();
  return {
    specversion: '1.0',
    id,
    source: '/gatehouse',
    type: TYPE,
    subject: id,
    time,
    datacontenttype: 'application/json',
    data,
  };
}
