// A restart at any moment loses nothing that was acknowledged; processes get signals at random moments under load.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { isGone } from '../support/is-gone.js';
import { temporaryFolder } from '../support/once-per-run.js';
import { ask, freshEmail, LOGIN, PASSWORD, REGISTER } from '../support/people.js';
import { type Env, HANGS_AFTER_MS, type Running, startApi, startProcess } from '../support/processes.js';
import { seeded } from '../support/random.js';
import { freePort } from '../support/servers/free-port.js';
import { sharedPostgres } from '../support/servers/postgres.js';

/** Two of each kind, unless told otherwise. */
const RESTARTS = Number(process.env.RESTARTS ?? 8);
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const SIGNALS: NodeJS.Signals[][] = [
  ['SIGTERM'],
  ['SIGINT'],
  ['SIGHUP'],
  ['SIGTERM', 'SIGINT'],
  ['SIGTERM', 'SIGTERM'],
];
const DOORS = { node: ['dist/src/main.js', {}], npm: ['start', { program: 'npm' }] } as const;

/**
 * Registers one after the other over connections that are kept, until the API is gone; answers those that were
 * acknowledged.
 */
async function registerOn(url: string): Promise<string[]> {
  const acknowledged: string[] = [];
  for (;;) {
    const email = freshEmail();
    const input = { email, password: PASSWORD, name: 'Ada Lovelace' };
    const answer = await ask({ url }, REGISTER, { input }).catch(() => null);
    if (!answer?.data?.register) return acknowledged;
    acknowledged.push(email);
  }
}

const HEAD = 'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
/** What a client may have sent before it falls silent. */
const SILENT_AFTER = ['', '', 'GET /health/live HT', HEAD, `${HEAD}content-length: 90\r\n\r\n{"query":`];

function silentClients(port: number): Promise<Socket[]> {
  return Promise.all(
    SILENT_AFTER.map(
      (text) =>
        new Promise<Socket>((resolve, reject) => {
          const socket = connect(port, '127.0.0.1', () => socket.write(text, () => resolve(socket)));
          socket.once('error', reject);
        }),
    ),
  );
}

/**
 * Until the process hears a signal: before that Node.js itself starts, and nothing of ours has run. Node.js has a handler
 * of its own for SIGTERM from its first moment on, by which it ends; of ours, the one for SIGHUP is the last.
 */
async function untilHeard({ pid }: Running, signal: 'SIGTERM' | 'SIGHUP'): Promise<void> {
  const status = `/proc/${pid}/status`;
  if (!existsSync(status)) return;
  const heard = () => BigInt(`0x${/^SigCgt:\s*(\w+)$/m.exec(readFileSync(status, 'utf8'))?.[1] ?? '0'}`);
  const bit = 1n << BigInt(constants.signals[signal] - 1);
  await eventually(() => expect(heard() & bit).not.toBe(0n));
}

const drafts = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /^lock$|draft|\.pem\.|password-pepper\./.test(name),
  );

describeWithServers(['postgres'], `${RESTARTS} restarts at random moments (SEED=${SEED})`, () => {
  let folder: string;
  let settings: Record<'embedded' | 'PostgreSQL', Env>;
  const acknowledged = { embedded: [] as string[], PostgreSQL: [] as string[] };
  const ends: Record<string, number> = {};

  beforeAll(async () => {
    const postgres = await sharedPostgres();
    folder = temporaryFolder();
    const PORT = String(await freePort());
    settings = {
      embedded: { PORT, DATA_DIR: join(folder, 'embedded') },
      PostgreSQL: { PORT, DATA_DIR: join(folder, 'other'), DATABASE_URL: await postgres.createDatabase() },
    };
  });

  afterAll(async () => {
    console.info(`restarts: ${RESTARTS}, SEED=${SEED}, ends: ${JSON.stringify(ends)}`);
  });

  const random = seeded(SEED);
  const rounds = Array.from({ length: RESTARTS }, (_, round) => ({
    round,
    database: round % 2 === 0 ? ('embedded' as const) : ('PostgreSQL' as const),
    door: (round >> 1) % 2 === 0 ? ('node' as const) : ('npm' as const),
    running: (round >> 2) % 2 === 0,
    afterMs: Math.floor(random() * 2_500),
    signals: SIGNALS[Math.floor(random() * SIGNALS.length)] ?? [],
    toGroup: random() < 0.3,
  }));

  test.each(rounds)(
    '$round: $database through $door, $signals after $afterMs ms, running: $running',
    async ({ database, door, running, afterMs, signals, toGroup }) => {
      const env = settings[database];
      const [script, options] = DOORS[door];
      await using api = startProcess(script, env, options);
      await untilHeard(api, door === 'node' ? 'SIGHUP' : 'SIGTERM');
      const clients = running ? await load(api, Number(env.PORT)) : null;
      // The moment is the input here: nothing is waited for.
      await delay(running ? afterMs / 3 : afterMs);

      const began = performance.now();
      for (const signal of signals) {
        if (toGroup) process.kill(-api.pid, signal);
        else api.signal(signal);
      }
      const { code, signal } = await api.exited;
      const took = performance.now() - began;
      if (clients) acknowledged[database].push(...(await clients.end()));

      const end = `${door} ${running ? 'running' : 'starting'}: ${signal ?? code}`;
      ends[end] = (ends[end] ?? 0) + 1;
      expect(took).toBeLessThan(HANGS_AFTER_MS);
      // npm ends itself by the signal where what it started could not hear it yet, and passes on no SIGHUP; all else
      // ends with it.
      if (door === 'node' || (running && signals[0] !== 'SIGHUP'))
        expect({ code, signal, output: api.output() }).toMatchObject({ code: 0 });
      await isGone(-api.pid);
      await expect(fetch(`http://127.0.0.1:${env.PORT}/health/live`)).rejects.toThrow();
      expect(drafts(folder)).toEqual([]);
    },
  );

  test.each(['embedded', 'PostgreSQL'] as const)(
    'then it starts on %s, and every user who was acknowledged is there',
    async (database) => {
      await using api = await startApi(settings[database]);

      const missing: string[] = [];
      for (const email of acknowledged[database]) {
        const { data } = await api.ask(LOGIN, { input: { email, password: PASSWORD } });
        if (data?.login?.user.email !== email) missing.push(email);
      }

      console.info(`${database}: ${acknowledged[database].length} registrations were acknowledged`);
      expect(missing).toEqual([]);
    },
  );

  /** Once it is ready: silent clients, and people who register. */
  async function load(api: Running, port: number) {
    await api.logged('API is ready');
    const url = `http://127.0.0.1:${port}`;
    const registering = [1, 2, 3].map(() => registerOn(url));
    const silent = await silentClients(port);
    for (const socket of silent) socket.on('error', () => undefined);
    return {
      async end() {
        for (const socket of silent) socket.destroy();
        return (await Promise.all(registering)).flat();
      },
    };
  }
});
