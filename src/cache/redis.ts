import { setTimeout as delay } from 'node:timers/promises';
import type { RedisClientType } from '@keyv/redis';

export type Redis = RedisClientType;

/** A connection to Redis, which goes on trying by itself; resolves also when Redis is not there. */
export async function openRedis(url: string): Promise<Redis> {
  // Its 400 modules are loaded only where Redis is.
  const { createClient } = await import('@keyv/redis');
  const client = createClient({
    url,
    // Without these a command waits for a Redis that is down, or frozen, as long as that lasts.
    disableOfflineQueue: true,
    socket: {
      connectTimeout: 500,
      socketTimeout: 5_000,
      reconnectStrategy: (tries) => Math.min(50 * 2 ** tries, 1_000),
    },
    pingInterval: 2_000,
  }) as Redis;
  // Without a listener an error would end the process. Its users see that their commands fail.
  client.on('error', () => undefined);
  await Promise.race([client.connect().catch(() => undefined), delay(1_000, undefined, { ref: false })]);
  return client;
}

/** The answer of a store that may be frozen. @throws {Error} after `withinMs` without one. */
export function answeredInTime<T>(answer: Promise<T>, withinMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const refuse = () => reject(new Error(`no answer within ${withinMs} ms`));
    // A busy process looks at its clock before its sockets: an answer that lies there is not late.
    const late = setTimeout(() => setImmediate(refuse), withinMs);
    answer.then(resolve, reject).finally(() => clearTimeout(late));
  });
}
