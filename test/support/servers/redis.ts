import { createClient } from '@keyv/redis';
import { programOf } from './find-server.js';
import { freePort } from './free-port.js';
import { privateFolder } from './private-folder.js';
import { PrivateServer, type Server } from './private-server.js';

export async function startRedis(): Promise<Server> {
  const home = privateFolder('redis', ['redis', 'nobody']);
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const server = new PrivateServer(home, {
    program: programOf('redis'),
    args: ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', home.path],
    haltSignal: 'SIGTERM',
    answers: () => withRedis(url, (client) => client.ping()),
  });
  await server.resume();
  return Object.assign(server, { url });
}

type RedisClient = ReturnType<typeof createClient>;

/** A connection for the length of `work`. */
export async function withRedis<T>(url: string, work: (client: RedisClient) => Promise<T>): Promise<T> {
  const client: RedisClient = createClient({ url, socket: { reconnectStrategy: false, connectTimeout: 2_000 } });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    client.destroy();
  }
}
