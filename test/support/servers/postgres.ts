import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Client } from 'pg';
import { programOf } from './find-server.js';
import { freePort } from './free-port.js';
import { privateFolder } from './private-folder.js';
import { PrivateServer, type Server } from './private-server.js';

export interface PostgresServer extends Server {
  /** A fresh, empty database; answers its URL. */
  createDatabase(): Promise<string>;
}

export async function startPostgres(): Promise<PostgresServer> {
  const bin = programOf('postgres');
  const home = privateFolder('postgres', ['postgres', 'nobody']);
  const port = await freePort();
  const data = join(home.path, 'data');
  home.run(join(bin, '..', 'initdb'), [
    '-D',
    data,
    '-U',
    'test',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C.UTF-8',
    '-N',
  ]);
  const settings = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=200'];
  const address = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories='];
  const url = `postgres://test@127.0.0.1:${port}/postgres`;
  const query = (sql: string) => withPostgres(url, (client) => client.query(sql));
  const server = new PrivateServer(home, {
    program: bin,
    args: ['-D', data, ...[...address, ...settings].flatMap((setting) => ['-c', setting])],
    // Fast shutdown: SIGTERM would wait for every client to leave.
    haltSignal: 'SIGINT',
    answers: () => query('select 1'),
  });
  await server.resume();
  return Object.assign(server, {
    url,
    async createDatabase() {
      const name = `test_${randomUUID().replaceAll('-', '')}`;
      await query(`create database ${name}`);
      return url.replace(/postgres$/, name);
    },
  });
}

/** A connection for the length of `work`. */
export async function withPostgres<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
