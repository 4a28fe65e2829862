import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import amqp from 'amqplib';
import { programOf } from './find-server.js';
import { freePort, isTaken } from './free-port.js';
import { privateFolder } from './private-folder.js';
import { PrivateServer, type Server } from './private-server.js';

export interface RabbitServer extends Server {
  /** A connection and channel of the test's own, closed at the end of `work`. */
  withChannel<T>(work: (channel: amqp.Channel) => Promise<T>): Promise<T>;
  /** Runs `rabbitmqctl`. */
  control(...args: string[]): Promise<void>;
}

export const startRabbit = async (): Promise<RabbitServer> => (await startRabbitCluster(1))[0] as RabbitServer;

/** A cluster, of which each node may be stopped and killed on its own. */
export async function startRabbitCluster(size: number): Promise<RabbitServer[]> {
  const epmdPort = await freePort();
  const cookie = `test${epmdPort}`;
  const nodes: RabbitServer[] = [];
  for (let at = 0; at < size; at += 1) nodes.push(await startNode(epmdPort, cookie, nodes[0]));
  return nodes;
}

/** The first one of a register starts it, and ends it with itself. */
async function startNode(epmdPort: number, cookie: string, first?: RabbitServer): Promise<RabbitServer> {
  const home = privateFolder('rabbitmq', ['rabbitmq', 'nobody']);
  const [port, distPort] = [await freePort(), await freePort()];
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
    RABBITMQ_NODENAME: nodeName(url),
    RABBITMQ_DIST_PORT: `${distPort}`,
    RABBITMQ_CONF_ENV_FILE: file('env.conf', ''),
    RABBITMQ_CONFIG_FILE: file(
      'rabbitmq.conf',
      `listeners.tcp.1 = 127.0.0.1:${port}\ndisk_free_limit.absolute = 1MB\nlog.console = true\nlog.console.level = warning\n${first ? joining(first.url) : ''}`,
    ),
    RABBITMQ_ENABLED_PLUGINS_FILE: file('enabled_plugins', '[].\n'),
    RABBITMQ_MNESIA_BASE: join(home.path, 'data'),
    RABBITMQ_LOG_BASE: join(home.path, 'logs'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `-setcookie ${cookie} +sbwt none -kernel inet_dist_use_interface {127,0,0,1}`,
  };
  const epmd = onPath('epmd');
  const register = new PrivateServer(home, {
    program: epmd ?? 'epmd',
    args: ['-port', `${epmdPort}`, '-address', '127.0.0.1'],
    haltSignal: 'SIGKILL',
    answers: async () => {
      if (!(await isTaken(epmdPort))) throw new Error(`nothing listens on ${epmdPort}`);
    },
  });
  const withChannel = <T>(work: (channel: amqp.Channel) => Promise<T>) => withRabbit(url, work);
  const server = new PrivateServer(home, {
    program: programOf('rabbitmq'),
    args: [],
    env,
    haltSignal: 'SIGTERM',
    answers: () => withChannel(async () => undefined),
  });
  if (epmd && !first) await register.resume();
  await server.resume();
  return Object.assign(server, {
    url,
    withChannel,
    control: (...args: string[]) =>
      home.run(join(dirname(programOf('rabbitmq')), 'rabbitmqctl'), ['--erlang-cookie', cookie, ...args], env),
    async stop() {
      await PrivateServer.prototype.stop.call(server);
      if (!first) await register.stop();
    },
  });
}

const nodeName = (url: string) => `test-${new URL(url).port}@localhost`;

/** A node that is new joins the cluster of the first. */
const joining = (url: string) =>
  `cluster_formation.peer_discovery_backend = classic_config\ncluster_formation.classic_config.nodes.1 = ${nodeName(url)}\n`;

async function withRabbit<T>(url: string, work: (channel: amqp.Channel) => Promise<T>): Promise<T> {
  const connection = await amqp.connect(url, { timeout: 60_000 });
  connection.on('error', () => undefined);
  try {
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => undefined);
    return await work(channel);
  } finally {
    await connection.close().catch(() => undefined);
  }
}

function onPath(program: string): string | null {
  const paths = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, program));
  return paths.find((path) => existsSync(path)) ?? null;
}
