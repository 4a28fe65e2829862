import amqp from 'amqplib';
import { DEAD_LETTERS } from '../src/events/topology.js';
import type { RabbitServer } from '../test/support/servers/rabbit.js';

const QUEUE = 'chaos.observer';
const DEAD = Object.values(DEAD_LETTERS);

/** Another service: it has a durable queue of its own, empty at first, and at the end says what came into it. */
export async function bindObserver(rabbit: RabbitServer): Promise<void> {
  await rabbit.withChannel(async (channel) => {
    await channel.assertQueue(QUEUE, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    await channel.bindQueue(QUEUE, 'identity.events', 'user.deleted');
    for (const queue of [QUEUE, ...DEAD]) await channel.purgeQueue(queue);
  });
}

/** Messages that the consumer could not handle. */
export const countDeadLetters = (rabbit: RabbitServer): Promise<number> =>
  rabbit.withChannel(async (channel) => {
    const queues = await Promise.all(DEAD.map((queue) => channel.checkQueue(queue)));
    return queues.reduce((sum, { messageCount }) => sum + messageCount, 0);
  });

export interface Deliveries {
  /** How often each event came, by its id. */
  byEvent: Map<string, number>;
  /** The users whom the events are about. */
  users: Map<string, Set<string>>;
}

export async function deliveries(rabbit: RabbitServer): Promise<Deliveries> {
  const found: Deliveries = { byEvent: new Map(), users: new Map() };
  const connection = await amqp.connect(rabbit.url);
  try {
    const channel = await connection.createChannel();
    const { messageCount } = await channel.checkQueue(QUEUE);
    // Also because RabbitMQ 3.10 has no leader for a queue that was not used since the broker was killed: to consume from
    // it ends in 541.
    if (messageCount === 0) return found;
    let left = messageCount;
    const all = Promise.withResolvers<void>();
    await channel.prefetch(1_000);
    await channel.consume(QUEUE, (message) => {
      if (!message) return all.reject(new Error('the queue of the observer is gone'));
      const { id, data } = JSON.parse(message.content.toString()) as { id: string; data: { userId: string } };
      found.byEvent.set(id, (found.byEvent.get(id) ?? 0) + 1);
      found.users.set(data.userId, (found.users.get(data.userId) ?? new Set()).add(id));
      left -= 1;
      // All at once, with the last: one by one they take 40 ms each.
      if (left > 0 && left % 500 !== 0) return;
      channel.ack(message, true);
      if (left === 0) all.resolve();
    });
    await all.promise;
  } finally {
    await connection.close();
  }
  return found;
}
