import { join } from 'node:path';
import { createClient, type RedisClientType } from '@redis/client';
import { eventually } from '../eventually.js';
import { programOf } from './find-server.js';
import { freePort } from './free-port.js';
import { type PrivateFolder, privateFolder } from './private-folder.js';
import { PrivateServer, type Server } from './private-server.js';

/** Several servers that replace each other. */
export interface RedisSystem {
  /** What an instance needs to use it. */
  env: Record<string, string>;
  servers: Server[];
  /** The one that serves a key now. */
  primaryOf(key: string): Promise<Server>;
  /** One that holds a copy of a key. */
  replicaOf(key: string): Promise<Server>;
  /** Whether its clients learn of a new primary before they next ask for a key. */
  tellsOfPromotions: boolean;
  /** Makes a replica the primary, whatever it misses. */
  promote(replica: Server): Promise<unknown>;
  stop(): Promise<void>;
}

/** Of systems of several servers. */
export const REDIS_PASSWORD = 'of/these@servers:7';
const PRIMARY_NAME = 'identity';
const DOWN_AFTER_MS = 1_000;
const SLOTS = 16_384;

export const startRedis = (): Promise<Server> => startServer([]);

async function startServer(args: string[], password = ''): Promise<Server> {
  const home = privateFolder('redis', ['redis', 'nobody']);
  const secret = password ? ['--requirepass', password, '--masterauth', password] : [];
  return startIn(home, password, (port) =>
    ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', home.path]
      .concat(secret)
      .concat(args),
  );
}

async function startIn(home: PrivateFolder, password: string, argsFor: (port: number) => string[]): Promise<Server> {
  const port = await freePort();
  const url = `redis://${password && `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`;
  const server = new PrivateServer(home, {
    program: programOf('redis'),
    args: argsFor(port),
    haltSignal: 'SIGTERM',
    answers: () => withRedis(url, (client) => client.ping()),
  });
  await server.resume();
  return Object.assign(server, { url });
}

/** A primary, a replica, and three sentinels that replace the one with the other. */
export async function startRedisSentinels(): Promise<RedisSystem> {
  const primary = await startServer([], REDIS_PASSWORD);
  const replica = await startServer(['--replicaof', '127.0.0.1', new URL(primary.url).port], REDIS_PASSWORD);
  const servers = [primary, replica];
  await eventually(async () => expectUp((await replicationOf(replica)).master_link_status));
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(new URL(primary.url).port)));
  // None of them can be replaced by the others before they know each other and the replica.
  for (const { url } of sentinels)
    await eventually(() =>
      withRedis(url, async (client) => {
        const state = String(await client.info('sentinel'));
        if (!/slaves=1,sentinels=3/.test(state)) throw new Error(state);
      }),
    );
  const inRole = async (role: string) => {
    for (const server of servers) if ((await replicationOf(server).catch(() => null))?.role === role) return server;
    throw new Error(`no ${role}`);
  };
  return {
    env: {
      REDIS_URL: `redis://:${encodeURIComponent(REDIS_PASSWORD)}@${PRIMARY_NAME}`,
      REDIS_SENTINEL_URLS: sentinels.map(({ url }) => url).join(),
    },
    servers: [...servers, ...sentinels],
    primaryOf: () => inRole('master'),
    replicaOf: () => inRole('slave'),
    tellsOfPromotions: true,
    promote: () =>
      withRedis(sentinels[0]?.url ?? '', (client) => client.sendCommand(['SENTINEL', 'FAILOVER', PRIMARY_NAME])),
    stop: async () => void (await Promise.all([...servers, ...sentinels].map((server) => server.stop()))),
  };
}

function startSentinel(primaryPort: string): Promise<Server> {
  const home = privateFolder('sentinel', ['redis', 'nobody']);
  return startIn(home, REDIS_PASSWORD, (port) => {
    // It writes down there what it learns.
    home.write(
      'sentinel.conf',
      `port ${port}
bind 127.0.0.1
dir ${home.path}
requirepass ${REDIS_PASSWORD}
sentinel sentinel-pass ${REDIS_PASSWORD}
sentinel monitor ${PRIMARY_NAME} 127.0.0.1 ${primaryPort} 2
sentinel auth-pass ${PRIMARY_NAME} ${REDIS_PASSWORD}
sentinel down-after-milliseconds ${PRIMARY_NAME} ${DOWN_AFTER_MS}
sentinel failover-timeout ${PRIMARY_NAME} 1500
`,
    );
    return [join(home.path, 'sentinel.conf'), '--sentinel'];
  });
}

/** A Redis Cluster: three primaries, each with a replica. */
export async function startRedisCluster(): Promise<RedisSystem> {
  const nodes = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const busPort = await freePort();
      const options = ['--cluster-enabled', 'yes', '--cluster-port', `${busPort}`];
      const server = await startServer([...options, '--cluster-node-timeout', `${DOWN_AFTER_MS}`], REDIS_PASSWORD);
      const id = await withRedis(server.url, (client) => client.clusterMyId());
      return Object.assign(server, { busPort, id });
    }),
  );
  const servers: Server[] = nodes;
  const [first, ...others] = nodes as [(typeof nodes)[0], ...typeof nodes];
  await withRedis(first.url, async (client) => {
    for (const { url, busPort } of others)
      await client.sendCommand(['CLUSTER', 'MEET', '127.0.0.1', new URL(url).port, `${busPort}`]);
  });
  const primaries = nodes.slice(0, 3);
  for (const [at, { url }] of primaries.entries()) {
    const start = Math.ceil((at * SLOTS) / primaries.length);
    const end = Math.ceil(((at + 1) * SLOTS) / primaries.length) - 1;
    await withRedis(url, (client) => client.clusterAddSlotsRange({ start, end }));
  }
  for (const [at, { url }] of nodes.slice(3).entries())
    await eventually(async () => {
      await withRedis(url, (client) => client.clusterReplicate((primaries[at] as typeof first).id));
    });
  for (const { url } of nodes)
    await eventually(async () => {
      const info = await withRedis(url, (client) => client.clusterInfo());
      if (!/cluster_state:ok/.test(String(info))) throw new Error(String(info));
    });
  for (const replica of nodes.slice(3))
    await eventually(async () => expectUp((await replicationOf(replica)).master_link_status));
  type Range = Awaited<ReturnType<RedisClientType['clusterSlots']>>[number];
  const inSlot = async (key: string, portOf: (range: Range) => number | undefined) => {
    for (const { url } of servers) {
      const range = await withRedis(url, async (client) => {
        const slot = await client.clusterKeySlot(key);
        return (await client.clusterSlots()).find(({ from, to }) => from <= slot && slot <= to);
      }).catch(() => undefined);
      const found = servers.find((server) => range && new URL(server.url).port === `${portOf(range)}`);
      if (found) return found;
    }
    throw new Error(`no node for ${key}`);
  };
  return {
    env: { REDIS_URL: servers.map(({ url }) => url).join(), REDIS_CLUSTER: 'true' },
    servers,
    primaryOf: (key) => inSlot(key, ({ master }) => master.port),
    replicaOf: (key) => inSlot(key, ({ replicas }) => replicas[0]?.port),
    tellsOfPromotions: false,
    promote: ({ url }) => withRedis(url, (client) => client.clusterFailover({ mode: 'TAKEOVER' })),
    stop: async () => void (await Promise.all(servers.map((server) => server.stop()))),
  };
}

/** What `INFO replication` says. */
export const replicationOf = (server: Server): Promise<Record<string, string>> =>
  withRedis(server.url, async (client) =>
    Object.fromEntries(
      String(await client.info('replication'))
        .split('\r\n')
        .map((line) => line.split(':', 2)),
    ),
  );

function expectUp(state: string | undefined): void {
  if (state !== 'up') throw new Error(`the replica is ${state}`);
}

/** A connection for the length of `work`. */
export async function withRedis<T>(url: string, work: (client: RedisClientType) => Promise<T>): Promise<T> {
  const client = createClient({
    url,
    socket: { reconnectStrategy: false, connectTimeout: 2_000 },
  }) as RedisClientType;
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    client.destroy();
  }
}
