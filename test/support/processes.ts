import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { cpSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { build } from './build.js';
import { eventually } from './eventually.js';
import { oncePerRun, openRunFolder, temporaryFolder } from './once-per-run.js';
import { type Answer, ask } from './people.js';
import { guardFor } from './servers/guard.js';
import { withPostgres } from './servers/postgres.js';

const API = 'dist/src/main.js';
const CONSUMER = 'dist/consumer/main.js';
const LINE_WITHIN_MS = 120_000;
/**
 * After a signal. A process ends within 10 s, as container runtimes allow, and a slow machine may take longer; nothing
 * but its own code ends it before this.
 */
export const HANGS_AFTER_MS = 30_000;
/** What Node.js runs this process with; see CONTRIBUTING.md. A benchmark runs without it, as users do. */
const WASM_FLAGS = process.execArgv.filter((flag) => flag === '--liftoff-only');
const NODE_COMPILE_CACHE = resolve('node_modules', '.compile-cache');

export type Env = Record<string, string>;
export type LogLine = Record<string, unknown> & { msg: string };

/** What instances of one API share, new for each run. */
export const SECRETS: Env = {
  JWT_PRIVATE_KEY: generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey,
  PASSWORD_PEPPER: 'pepper of a test run, 0123456789 abcdef',
};

const BASE: Env = {
  HOST: '127.0.0.1',
  PORT: '0',
  PUBLIC_URL: 'http://gatehouse.test',
  BCRYPT_COST: '4',
  LIMITS_FILE: resolve('test/support/limits.json'),
};

export interface Running extends AsyncDisposable {
  pid: number;
  /** All that it wrote so far. */
  output(): string;
  /** Its log lines so far that have this message and these fields. */
  lines(msg: string, fields?: Record<string, unknown>): LogLine[];
  /** The first such line, waited for. @throws if the process ends without one. */
  logged(msg: string, fields?: Record<string, unknown>): Promise<LogLine>;
  signal(name: NodeJS.Signals): void;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** SIGTERM, and its exit code. */
  stop(): Promise<number | null>;
  kill(): Promise<void>;
}

export interface ApiProcess extends Running {
  url: string;
  ask(query: string, variables?: Record<string, unknown>, token?: string): Promise<Answer>;
}

/**
 * The API as its users start it; resolves when it is ready. Without NODE_ENV it is in development and migrates first. It
 * has an embedded database of its own unless `env` names another.
 */
export async function startApi(env: Env, script = API, launch: Launch = {}): Promise<ApiProcess> {
  const DATA_DIR = 'DATABASE_URL' in env || 'DATA_DIR' in env ? null : await usedDataFolder();
  const running = startProcess(script, DATA_DIR ? { ...env, DATA_DIR } : env, launch);
  if (DATA_DIR) void running.exited.then(() => rmSync(DATA_DIR, { recursive: true, maxRetries: 5 }));
  const { address } = await running.logged('API is ready').catch(async (error) => {
    await running.kill();
    throw error;
  });
  const url = String(address);
  return { ...running, url, ask: (query, variables, token) => ask({ url }, query, variables, token) };
}

/** The consumer; resolves when it is started, not when it is connected. */
export const startConsumer = (env: Env, script = CONSUMER): Running =>
  startProcess(script, { LOG_LEVEL: 'debug', ...env });

/** What runs a script, and what it is given. */
export interface Launch {
  program?: string;
  args?: string[];
}

/** Starts a script of dist with nothing in its environment but `env` and what an instance needs. */
export function startProcess(script: string, env: Env, { program = process.execPath, args = [] }: Launch = {}) {
  build();
  const folder = temporaryFolder();
  const flags = program === process.execPath ? WASM_FLAGS : [];
  const child = spawn(program, [...flags, script, ...args], {
    // Jest's NODE_ENV would make it production.
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      ...BASE,
      ...SECRETS,
      DATA_DIR: join(folder, 'data'),
      // Each start would compile the same modules anew.
      NODE_COMPILE_CACHE,
      ...env,
    },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // One that reads no input may have ended before it has it.
  child.stdin.on('error', () => undefined);
  return { ...watch(child, folder), stdin: child.stdin };
}

/** Runs a command of dist to its end. */
export async function runCommand(script: string, args: string[], env: Env, input = '') {
  const running = startProcess(script, env, { args });
  running.stdin.end(input);
  const { code } = await running.exited;
  return { code, output: running.output() };
}

function watch(child: ChildProcess, folder: string): Running {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const handles = [child, child.stdin, child.stdout, child.stderr] as ({ ref?(): void; unref?(): void } | null)[];
  // A process that a failed test has left behind does not keep Jest from ending, and then the guard ends it.
  for (const handle of handles) handle?.unref?.();
  const pid = child.pid ?? 0;
  const guard = guardFor(pid, folder);
  let gone = false;
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    // Not `exit`: what it wrote last may still be on its way then.
    child.once('close', (code, signal) => {
      gone = true;
      guard?.stdin?.end('leave\n');
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
      resolve({ code, signal });
    });
  });
  const signal = (name: NodeJS.Signals) => void (gone || process.kill(pid, name));
  const lines = (msg: string, fields: Record<string, unknown> = {}) =>
    logLines(output).filter(
      (line) => line.msg === msg && Object.entries(fields).every(([name, value]) => line[name] === value),
    );
  const end = async (name: NodeJS.Signals) => {
    signal(name);
    for (const handle of handles) handle?.ref?.();
    return (await exited).code;
  };
  return {
    pid,
    exited,
    signal,
    lines,
    output: () => output,
    async logged(msg, fields) {
      const until = Date.now() + LINE_WITHIN_MS;
      for (;;) {
        const ended = gone;
        const [line] = lines(msg, fields);
        if (line) return line;
        if (ended || Date.now() > until) {
          const wanted = `"${msg}" ${JSON.stringify(fields ?? {})}`;
          throw new Error(`${ended ? 'the process ended' : 'time is up'} without the log line ${wanted}:\n${output}`);
        }
        await delay(10);
      }
    },
    stop: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
    [Symbol.asyncDispose]: async () => void (await end('SIGKILL')),
  };
}

function logLines(output: string): LogLine[] {
  return output.split('\n').flatMap((line) => {
    if (!line.startsWith('{') || !line.endsWith('}')) return [];
    try {
      return [JSON.parse(line) as LogLine];
    } catch {
      return [];
    }
  });
}

/**
 * A data folder as a stopped API leaves it, removed at the end of the run. The first start on an empty one takes three
 * times as long.
 */
export async function usedDataFolder(): Promise<string> {
  const { used } = await oncePerRun('data-folder', async () => {
    const used = join(openRunFolder(), 'used-data');
    await (await startApi({ DATA_DIR: used })).stop();
    return { used };
  });
  const folder = temporaryFolder();
  cpSync(used, folder, { recursive: true });
  return folder;
}

/** Rows of the database, read past the API. */
// biome-ignore lint/suspicious/noExplicitAny: rows have as many shapes as there are queries
export const select = (url: string, sql: string, values: unknown[] = []): Promise<any[]> =>
  withPostgres(url, async (client) => (await client.query(sql, values)).rows);

/** Every event of the outbox has been published. */
export const drained = (url: string) =>
  eventually(async () => {
    const rows = await select(url, 'select id from outbox where published_at is null');
    if (rows.length > 0) throw new Error(`${rows.length} events are in the outbox`);
  });

/** Every event of the outbox was published, and handled by a consumer. */
export const allHandled = (url: string) =>
  eventually(async () => {
    const [{ unpublished, unhandled }] = await select(
      url,
      `select count(*) filter (where o.published_at is null)::int as unpublished,
              count(*) filter (where i.id is null and o.type <> 'mail.requested')::int as unhandled
       from outbox o left join inbox i on i.id = o.id`,
    );
    if (unpublished + unhandled > 0)
      throw new Error(`${unpublished} events are not published, ${unhandled} not handled`);
  });
