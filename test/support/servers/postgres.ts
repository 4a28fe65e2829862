import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { eventually } from '../eventually.js';
import { oncePerRun, RUN_FOLDER } from '../once-per-run.js';
import { programOf } from './find-server.js';
import { freePort } from './free-port.js';
import { type PrivateFolder, privateFolder } from './private-folder.js';
import { PrivateServer, type Server } from './private-server.js';

export interface PostgresServer extends Server {
  /** A fresh, empty database, with the collation of an ICU locale where one is given, or a copy; answers its URL. */
  createDatabase(icuLocale?: string, template?: string): Promise<string>;
}

export type SharedPostgres = Pick<PostgresServer, 'url' | 'createDatabase'>;

const SETTINGS = ['max_connections=200'];
/** What a test writes need not outlive the machine. */
const FAST = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

/** A server of the suite's own, which it may halt, freeze and configure; a benchmark's has PostgreSQL's own settings. */
export async function startPostgres({
  durable = false,
  parent,
}: {
  durable?: boolean;
  parent?: string;
} = {}): Promise<PostgresServer> {
  const { folder } = await oncePerRun('postgres-folder', makeDataFolder);
  const home = privateFolder('postgres', ['postgres', 'nobody'], parent);
  await home.run('/bin/cp', ['-r', folder, join(home.path, 'data')]);
  const server = await startIn(home, durable ? [] : FAST);
  return Object.assign(server, { createDatabase: databaseMaker(server.url) });
}

/** A streaming replica of a server. */
export async function startReplica(primary: Server, parent?: string): Promise<Server> {
  return startIn(await baseBackup(primary, ['-R'], parent), FAST);
}

/** The address of a database on a copy of its server. */
export const databaseOn = (server: Server, database: string): string =>
  Object.assign(new URL(database), { port: new URL(server.url).port }).href;

/** A base backup of a server, as it is now; it may be started once. */
export async function takeBaseBackup(primary: Server): Promise<{ start(): Promise<Server> }> {
  const home = await baseBackup(primary, []);
  return { start: () => startIn(home, FAST) };
}

async function baseBackup(primary: Server, options: string[], parent?: string): Promise<PrivateFolder> {
  const home = privateFolder('copy', ['postgres', 'nobody'], parent);
  const program = join(programOf('postgres'), '..', 'pg_basebackup');
  const from = ['-h', '127.0.0.1', '-p', new URL(primary.url).port, '-U', 'test'];
  await home.run(program, ['-D', join(home.path, 'data'), ...from, '-c', 'fast', ...options]);
  return home;
}

/** On the data that lies in its folder. */
async function startIn(home: PrivateFolder, settings: string[]) {
  const port = await freePort();
  const server = new PrivateServer(home, {
    ...launchOf(join(home.path, 'data'), port, settings),
    answers: () => query(urlOf(port), 'select 1'),
  });
  await server.resume();
  return Object.assign(server, { url: urlOf(port) });
}

/** The server that all suites of a run share, each with databases of its own. What a suite does to all of it, others see. */
export async function sharedPostgres(): Promise<SharedPostgres> {
  const { url } = await oncePerRun('postgres', startForRun);
  return { url, createDatabase: databaseMaker(url) };
}

async function makeDataFolder() {
  const home = privateFolder('initdb', ['postgres', 'nobody'], RUN_FOLDER);
  const folder = join(home.path, 'data');
  const initdb = join(programOf('postgres'), '..', 'initdb');
  await home.run(initdb, ['-D', folder, '-U', 'test', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '-N']);
  return { folder };
}

async function startForRun() {
  const { folder } = await oncePerRun('postgres-folder', makeDataFolder);
  const home = privateFolder('postgres', ['postgres', 'nobody'], RUN_FOLDER);
  const port = await freePort();
  const data = join(home.path, 'data');
  await home.run('/bin/cp', ['-r', folder, data]);
  const { program, args } = launchOf(data, port, FAST);
  const child = spawn(program, args, { ...home.as, cwd: home.path, detached: true, stdio: 'ignore' });
  child.unref();
  appendFileSync(join(RUN_FOLDER, 'pids'), `${child.pid}\n`);
  await eventually(async () => void (await query(urlOf(port), 'select 1')));
  return { url: urlOf(port) };
}

const urlOf = (port: number) => `postgres://test@127.0.0.1:${port}/postgres`;

const launchOf = (data: string, port: number, settings: string[]) => ({
  program: programOf('postgres'),
  args: ['-D', data].concat(
    ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=', ...SETTINGS, ...settings].flatMap(
      (setting) => ['-c', setting],
    ),
  ),
  // Fast shutdown: SIGTERM would wait for every client to leave.
  haltSignal: 'SIGINT' as const,
});

const query = (url: string, sql: string) => withPostgres(url, (client) => client.query(sql));

/** Makes a fresh, empty database, with the collation of an ICU locale where one is given, or a copy of `template`. */
const databaseMaker =
  (url: string) =>
  async (icuLocale?: string, template?: string): Promise<string> => {
    const name = `test_${randomUUID().replaceAll('-', '')}`;
    const collation = icuLocale ? ` template template0 locale_provider icu icu_locale '${icuLocale}'` : '';
    await query(url, `create database ${name}${template ? ` template ${template}` : collation}`);
    return url.replace(/postgres$/, name);
  };

/** A connection for the length of `work`. */
export async function withPostgres<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 60_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
