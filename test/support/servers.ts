import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, test } from '@jest/globals';
import { createClient } from '@keyv/redis';
import amqp from 'amqplib';
import { Client } from 'pg';

const ANSWER_WITHIN_MS = 45_000;
const LOOK_AGAIN_MS = 25;

/** A private server that a test may stop, freeze and start again; its folder goes with it. */
export interface Server {
  url: string;
  /** Ends the process in the orderly way; the data stays. */
  halt(): Promise<void>;
  /** Starts it again, on the same port and data. */
  resume(): Promise<void>;
  restart(): Promise<void>;
  /** It is there and says nothing, as on a machine that hangs. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

export interface PostgresServer extends Server {
  /** A fresh, empty database; answers its URL. */
  createDatabase(): Promise<string>;
}

export interface RabbitServer extends Server {
  /** A connection and channel of the test's own, closed at the end of `work`. */
  withChannel<T>(work: (channel: amqp.Channel) => Promise<T>): Promise<T>;
}

export type ServerName = 'postgres' | 'redis' | 'rabbitmq' | 'nginx';

const PLACES: Record<ServerName, { program: string; folders: () => string[] }> = {
  postgres: {
    program: 'postgres',
    folders: () =>
      list('/usr/lib/postgresql')
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => `/usr/lib/postgresql/${version}/bin`),
  },
  redis: { program: 'redis-server', folders: () => ['/usr/bin'] },
  // Debian's wrapper in /usr/sbin changes users; the one that it calls does not.
  rabbitmq: { program: 'rabbitmq-server', folders: () => ['/usr/lib/rabbitmq/bin'] },
  nginx: { program: 'nginx', folders: () => ['/usr/sbin', '/usr/local/sbin'] },
};

/** Path of a server's program on this machine; null where there is none. */
export function findServer(name: ServerName): string | null {
  const { program, folders } = PLACES[name];
  const paths = [...folders(), ...(process.env.PATH ?? '').split(delimiter)].map((folder) => join(folder, program));
  return paths.find((path) => existsSync(path)) ?? null;
}

/** Runs where the servers are found. Elsewhere it is skipped and says what is missing, or fails where REQUIRE_SERVERS=1. */
export function describeWithServers(names: ServerName[], title: string, body: () => void): void {
  const missing = names.filter((name) => findServer(name) === null);
  if (missing.length === 0) {
    describe(title, body);
    return;
  }
  const why = `missing on this machine: ${missing.join(', ')}`;
  if (process.env.REQUIRE_SERVERS !== '1') {
    describe.skip(`${title} (${why})`, body);
    return;
  }
  describe(title, () => {
    test('its servers are there', () => {
      throw new Error(`REQUIRE_SERVERS=1, and ${why}`);
    });
  });
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

export async function startRabbit(): Promise<RabbitServer> {
  const home = privateFolder('rabbitmq', ['rabbitmq', 'nobody']);
  const [port, distPort, epmdPort] = [await freePort(), await freePort(), await freePort()];
  const url = `amqp://guest:guest@127.0.0.1:${port}`;
  const file = (name: string, text: string) => {
    home.write(name, text);
    return join(home.path, name);
  };
  const env = {
    HOME: home.path,
    // A register of nodes of its own: the machine's would see, and outlive, our brokers.
    ERL_EPMD_PORT: `${epmdPort}`,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `test-${port}@localhost`,
    RABBITMQ_DIST_PORT: `${distPort}`,
    RABBITMQ_CONF_ENV_FILE: file('env.conf', ''),
    RABBITMQ_CONFIG_FILE: file(
      'rabbitmq.conf',
      `listeners.tcp.1 = 127.0.0.1:${port}\ndisk_free_limit.absolute = 1MB\nlog.console = true\nlog.console.level = warning\n`,
    ),
    RABBITMQ_ENABLED_PLUGINS_FILE: file('enabled_plugins', '[].\n'),
    RABBITMQ_MNESIA_BASE: join(home.path, 'data'),
    RABBITMQ_LOG_BASE: join(home.path, 'logs'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+sbwt none -kernel inet_dist_use_interface {127,0,0,1}',
  };
  const epmd = onPath('epmd');
  const register = new PrivateServer(home, {
    program: epmd ?? 'epmd',
    args: ['-port', `${epmdPort}`, '-address', '127.0.0.1'],
    haltSignal: 'SIGKILL',
    answers: async () => assertTaken(epmdPort),
  });
  const withChannel = <T>(work: (channel: amqp.Channel) => Promise<T>) => withRabbit(url, work);
  const server = new PrivateServer(home, {
    program: programOf('rabbitmq'),
    args: [],
    env,
    haltSignal: 'SIGTERM',
    answers: () => withChannel(async () => undefined),
  });
  if (epmd) await register.resume();
  await server.resume();
  return Object.assign(server, {
    url,
    withChannel,
    async stop() {
      await PrivateServer.prototype.stop.call(server);
      await register.stop();
    },
  });
}

async function withRabbit<T>(url: string, work: (channel: amqp.Channel) => Promise<T>): Promise<T> {
  const connection = await amqp.connect(url, { timeout: 5_000 });
  connection.on('error', () => undefined);
  try {
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => undefined);
    return await work(channel);
  } finally {
    await connection.close().catch(() => undefined);
  }
}

export interface NginxServer extends Server {
  /** What it wrote to its access log. */
  accessLog(): string;
}

/** The project's own nginx in front of `upstreams`, each an address with its port. */
export async function startNginx(upstreams: string[]): Promise<NginxServer> {
  const home = privateFolder('nginx', ['www-data', 'nobody']);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  for (const name of ['start.sh', 'nginx.conf.template']) home.write(name, readFileSync(join('nginx', name), 'utf8'));
  const server = new PrivateServer(home, {
    program: '/bin/sh',
    args: [join(home.path, 'start.sh'), home.path],
    env: {
      PATH: `${dirname(programOf('nginx'))}${delimiter}${process.env.PATH}`,
      NGINX_LISTEN: `127.0.0.1:${port}`,
      API_SERVERS: upstreams.map((address) => `server ${address};`).join(' '),
    },
    haltSignal: 'SIGQUIT',
    answers: () => fetch(url),
  });
  await server.resume();
  return Object.assign(server, { url, accessLog: () => readFileSync(join(home.path, 'access.log'), 'utf8') });
}

/** A port of 127.0.0.1 that is free, and that no outgoing connection takes while its server is halted: systems number those from 32768 up. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

async function assertTaken(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', () => resolve());
    probe.listen(port, '127.0.0.1', () => probe.close(() => reject(new Error(`nothing listens on ${port}`))));
  });
}

interface Launch {
  program: string;
  args: string[];
  env?: Record<string, string>;
  haltSignal: NodeJS.Signals;
  /** Rejects until a client is served. */
  answers(): Promise<unknown>;
}

/**
 * A server's process. A shell beside it holds the end of a pipe to us: however our process ends, the shell reads the end of the pipe and kills the
 * server. (In Jest, `process.on('exit')` is not heard.)
 */
class PrivateServer {
  #child: ChildProcess | null = null;
  #guard: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();

  constructor(
    private readonly home: PrivateFolder,
    private readonly launch: Launch,
  ) {}

  async resume(): Promise<void> {
    const { program, args, env, answers } = this.launch;
    const output = openSync(join(this.home.path, 'output'), 'a');
    const child = spawn(program, args, {
      ...this.home.as,
      cwd: this.home.path,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    this.#child = child;
    this.#guard = guardFor(child.pid, this.home.path);
    this.#ended = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
    let gone = false;
    void this.#ended.then(() => {
      gone = true;
    });
    const end = Date.now() + ANSWER_WITHIN_MS;
    while (!(await succeeds(answers))) {
      if (gone || Date.now() > end) {
        const output = readFileSync(join(this.home.path, 'output'), 'utf8').slice(-2_000);
        await this.stop();
        throw new Error(`${program} ${gone ? 'ended' : 'does not answer'}:\n${output}`);
      }
      await delay(LOOK_AGAIN_MS);
    }
    // Neither keeps Jest from ending.
    child.unref();
  }

  async halt(): Promise<void> {
    this.#signal('SIGCONT');
    if (this.#child?.pid) signal(this.#child.pid, this.launch.haltSignal);
    await this.#ended;
    this.#dismissGuard();
  }

  async restart(): Promise<void> {
    await this.halt();
    await this.resume();
  }

  freeze(): void {
    this.#signal('SIGSTOP');
  }

  thaw(): void {
    this.#signal('SIGCONT');
  }

  async stop(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#ended;
    this.#dismissGuard();
    rmSync(this.home.path, { recursive: true, force: true, maxRetries: 5 });
  }

  #signal(name: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (!pid || this.#child?.exitCode !== null || this.#child.signalCode !== null) return;
    // PostgreSQL's processes have groups of their own.
    const children = childrenOf(pid);
    for (const id of [-pid, ...children]) signal(id, name);
  }

  #dismissGuard(): void {
    this.#guard?.stdin?.end('leave\n');
    this.#guard = null;
  }
}

/** Kills the group and the children of `pid` and removes `folder` when our process is gone; lets them be once it reads a word. */
export function guardFor(pid: number | undefined, folder: string): ChildProcess | null {
  if (!pid) return null;
  const script = `read word && exit
for p in $(cat /proc/$1/task/*/children 2>/dev/null); do kill -9 $p 2>/dev/null; done
kill -9 -$1; rm -rf "$2"`;
  const guard = spawn('/bin/sh', ['-c', script, 'guard', `${pid}`, folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.stdin?.on('error', () => undefined);
  guard.unref();
  (guard.stdin as unknown as { unref?(): void } | null)?.unref?.();
  return guard;
}

function childrenOf(pid: number): number[] {
  return list(`/proc/${pid}/task`)
    .map((task) => readIfThere(`/proc/${pid}/task/${task}/children`))
    .flatMap((text) => text.split(' ').filter(Boolean).map(Number));
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

interface PrivateFolder {
  path: string;
  /** Whom the server runs as: PostgreSQL refuses root. */
  as: { uid?: number; gid?: number };
  write(name: string, text: string): void;
  run(program: string, args: string[]): void;
}

function privateFolder(name: string, users: string[]): PrivateFolder {
  const path = mkdtempSync(join(tmpdir(), `gatehouse-${name}-`));
  const user = process.getuid?.() === 0 ? userOf(users) : null;
  const own = (file: string) => user && chownSync(file, user.uid, user.gid);
  own(path);
  const as = user ?? {};
  return {
    path,
    as,
    write(name, text) {
      writeFileSync(join(path, name), text);
      own(join(path, name));
    },
    run(program, args) {
      const { status, stderr, error } = spawnSync(program, args, { ...as, cwd: path, encoding: 'utf8' });
      if (status !== 0) throw new Error(`${program} failed: ${error?.message ?? stderr}`);
    },
  };
}

function userOf(names: string[]): { uid: number; gid: number } {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of names) {
    const user = users.find(([known]) => known === name);
    if (user) return { uid: Number(user[2]), gid: Number(user[3]) };
  }
  throw new Error(`none of these users is known here: ${names.join(', ')}`);
}

function programOf(name: ServerName): string {
  const path = findServer(name);
  if (!path) throw new Error(`${name} is not on this machine`);
  return path;
}

function onPath(program: string): string | null {
  const paths = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, program));
  return paths.find((path) => existsSync(path)) ?? null;
}

const list = (folder: string) => (existsSync(folder) ? readdirSync(folder) : []);

const readIfThere = (path: string) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

const succeeds = (work: () => Promise<unknown>) =>
  work().then(
    () => true,
    () => false,
  );
