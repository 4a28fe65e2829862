import { setTimeout as delay } from 'node:timers/promises';
import type { RedisClientOptions, RedisClientType, RedisClusterType, RedisSentinelType } from '@redis/client';
import { answeredInTime } from '../process/answered-in-time.js';

/** Where Redis is: one server, a Redis Cluster, or a primary that sentinels watch. */
export type RedisPlace =
  | { kind: 'server'; url: string }
  /** Any nodes of the cluster, which name the others. */
  | { kind: 'cluster'; urls: string[] }
  /** The URL has the name of the primary for its host. */
  | { kind: 'sentinels'; url: string; sentinelUrls: string[] };

export type Redis = RedisClientType | RedisClusterType | RedisSentinelType;

const CONNECT_MS = 500;
const RETRY_MS = 1_000;
const ANSWER_MS = 1_000;
/** A primary that no sentinel reaches is replaced, and its connections stay open. */
const ASK_SENTINELS_MS = 1_000;
const SENTINEL_PORT = 26_379;

const CONNECTION = {
  // Without these a command waits for a Redis that is down, or frozen, as long as that lasts.
  disableOfflineQueue: true,
  socket: {
    connectTimeout: CONNECT_MS,
    socketTimeout: 5_000,
    reconnectStrategy: (tries) => Math.min(50 * 2 ** tries, RETRY_MS),
  },
  pingInterval: 2_000,
} as const satisfies RedisClientOptions;

/** A connection to Redis, which goes on trying by itself; resolves also when Redis is not there. */
export async function openRedis(place: RedisPlace): Promise<Redis> {
  const redis = await createRedis(place);
  // Without a listener an error would end the process. Its users see that their commands fail.
  redis.on('error', () => undefined);
  await Promise.race([connect(redis), delay(RETRY_MS)]);
  return redis;
}

/** Those of clusters and sentinels give up when they cannot connect at first. */
async function connect(redis: Redis): Promise<void> {
  while (!redis.isOpen) {
    await redis.connect().catch(() => undefined);
    if (!redis.isOpen) await delay(RETRY_MS, undefined, { ref: false });
  }
}

async function createRedis(place: RedisPlace): Promise<Redis> {
  // Its 400 modules are loaded only where Redis is.
  const { createClient, createCluster, createSentinel } = await import('@redis/client');
  switch (place.kind) {
    case 'server':
      return createClient({ url: place.url, ...CONNECTION }) as RedisClientType;
    case 'cluster': {
      const [first = ''] = place.urls;
      const defaults = optionsOf(first);
      return createCluster({ rootNodes: place.urls.map((url) => ({ url })), defaults }) as RedisClusterType;
    }
    case 'sentinels':
      return createSentinel({
        name: decodeURIComponent(new URL(place.url).hostname),
        sentinelRootNodes: place.sentinelUrls.map((url) => {
          const { hostname, port } = new URL(url);
          return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || SENTINEL_PORT) };
        }),
        nodeClientOptions: optionsOf(place.url),
        sentinelClientOptions: optionsOf(place.sentinelUrls[0] ?? ''),
        scanInterval: ASK_SENTINELS_MS,
        passthroughClientErrorEvents: true,
      }) as RedisSentinelType;
  }
}

/** Where a connection begins. */
export const urlsOf = (place: RedisPlace): string[] =>
  place.kind === 'server' ? [place.url] : place.kind === 'cluster' ? place.urls : place.sentinelUrls;

/** All of a URL but its host and port: those of other servers of the same system are told by the system. */
function optionsOf(url: string) {
  const { protocol, username, password, pathname } = new URL(url);
  return {
    ...CONNECTION,
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
    ...(pathname.length > 1 && { database: Number(pathname.slice(1)) }),
    socket: { ...CONNECTION.socket, ...(protocol === 'rediss:' && { tls: true }) },
  };
}

/**
 * Tells when writes that Redis had accepted may be lost: a connection failed, or another server is the primary now,
 * which may not have received the last ones.
 */
export function onPossibleLoss(redis: Redis, listener: (cause: Error) => void): void {
  redis.on('error', listener);
  redis.on('node-error', listener);
  redis.on('node-connect', () => listener(new Error('another node serves a part of the keys')));
  redis.on('topology-change', ({ type }: { type: string }) => {
    if (type === 'MASTER_CHANGE') listener(new Error('another server is the primary'));
  });
}

/** Whether Redis answers within a second. */
export const answers = (redis: Redis): Promise<boolean> =>
  answeredInTime(redis.get('gatehouse'), ANSWER_MS).then(
    () => true,
    () => false,
  );

/** The keys that fit a pattern, some at a time; of a cluster those of each primary. */
export async function* keysOf(redis: Redis, pattern: string): AsyncGenerator<string[]> {
  const primaries = 'masters' in redis ? redis.masters.map((node) => redis.nodeClient(node)) : [redis];
  for (const primary of await Promise.all(primaries)) {
    let cursor = '0';
    do {
      const found = await primary.scan(cursor, { MATCH: pattern, COUNT: 1_000 });
      cursor = found.cursor;
      yield found.keys;
    } while (cursor !== '0');
  }
}
