import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ask, codes, freshEmail, LOGIN, member, members, type Person, signIn } from '../test/support/people.js';
import { machine, row, startInstances } from './instances.js';
import { quantile } from './statistics.js';

/**
 * What others do to one who reads: the time of `me`, 50 times a second, while it is quiet; while 200 logins a second
 * arrive from 1,000 networks; while an admin asks the dearest query that is allowed on 32 connections; and while 2,000
 * sockets are open and silent. All on one instance, with bcrypt's cost of 12. SECONDS for each, 10 unless told.
 */
const SECONDS = Number(process.env.SECONDS ?? 10);
const EVERY_MS = 20;
const LOGINS_A_SECOND = 200;
const CONNECTIONS = 32;
const SOCKETS = 2_000;
const ME = '{ me { id email name role { name } } }';
const DEAREST = `{ users(first: 100) { totalCount nodes {
  id email displayEmail name role { name description } sessions { id userAgent ipAddress createdAt lastUsedAt expiresAt }
} } auditEvents(first: 100) { nodes { id action actorId subjectId sessionId ipAddress at details } } }`;

await using instances = await startInstances({
  BCRYPT_COST: process.env.BCRYPT_COST ?? '12',
  TRUST_PROXY: '127.0.0.1',
});
const { one: api } = instances;
const ada = await member(api);
const root = await signIn(api);
await members(api, 100);

interface Load {
  name: string;
  /** Begins, and answers what ends it and says what came of it. */
  begin(): Promise<() => Promise<string>>;
}

const count = (outcomes: Map<string, number>, code = 'done') => void outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
const inWords = (outcomes: Map<string, number>) => [...outcomes].map(([code, times]) => `${times} ${code}`).join(', ');

const LOADS: Load[] = [
  { name: 'quiet', begin: async () => async () => '' },
  {
    name: `${LOGINS_A_SECOND} logins a second`,
    async begin() {
      const outcomes = new Map<string, number>();
      let [done, sent] = [false, 0];
      const waiting = new Set<Promise<void>>();
      const began = performance.now();
      const send = async () => {
        while (!done) {
          for (; sent < ((performance.now() - began) / 1000) * LOGINS_A_SECOND; sent += 1) {
            const network = sent % 1_000;
            const input = { email: freshEmail(), password: 'not the right password' };
            const headers = { 'x-forwarded-for': `10.0.${network >> 8}.${network & 255}` };
            const attempt: Promise<void> = ask(api, LOGIN, { input }, undefined, headers).then((answer) => {
              count(outcomes, codes(answer)[0]);
              waiting.delete(attempt);
            });
            waiting.add(attempt);
          }
          await delay(5);
        }
      };
      const sending = send();
      return async () => {
        done = true;
        await sending;
        await Promise.all(waiting);
        return inWords(outcomes);
      };
    },
  },
  {
    name: `the dearest query on ${CONNECTIONS} connections`,
    async begin() {
      const outcomes = new Map<string, number>();
      let done = false;
      const client = async () => {
        while (!done) count(outcomes, codes(await root.ask(DEAREST))[0]);
      };
      const clients = Promise.all(Array.from({ length: CONNECTIONS }, client));
      return async () => {
        done = true;
        await clients;
        return inWords(outcomes);
      };
    },
  },
  {
    name: `${SOCKETS} silent sockets`,
    async begin() {
      const { hostname, port } = new URL(api.url);
      const open = () =>
        new Promise<Socket>((resolve) => {
          const socket: Socket = connect(Number(port), hostname, () => resolve(socket)).on('error', () => undefined);
        });
      const sockets: Socket[] = [];
      while (sockets.length < SOCKETS) sockets.push(...(await Promise.all(Array.from({ length: 100 }, open))));
      return async () => {
        const closed = sockets.filter((socket) => socket.destroyed || socket.readableEnded).length;
        for (const socket of sockets) socket.destroy();
        return `${closed} closed by the server`;
      };
    },
  },
];

/** The times of `me`, in milliseconds, each from when it was to be sent. */
async function timesOf(person: Person): Promise<number[]> {
  const times: Promise<number>[] = [];
  const began = performance.now();
  for (let turn = 0; turn < (SECONDS * 1000) / EVERY_MS; turn += 1) {
    const due = began + turn * EVERY_MS;
    await delay(Math.max(0, due - performance.now()));
    times.push(
      person.ask(ME).then((answer) => {
        if (answer.data?.me?.id !== person.id) throw new Error(`me failed: ${answer.text}`);
        return performance.now() - due;
      }),
    );
  }
  return Promise.all(times);
}

for (let warm = 0; warm < 500; warm += 1) await ada.ask(ME);
console.log(`\n${machine()}\n`);
row('while', 'me p50 ms', 'p99 ms', 'p99 to quiet', 'came of it');
row('---', '---', '---', '---', '---');
let quiet = Number.NaN;
for (const { name, begin } of LOADS) {
  const end = await begin();
  const times = (await timesOf(ada)).sort((a, b) => a - b);
  const outcome = await end();
  const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
  if (name === 'quiet') quiet = p99;
  row(name, p50.toFixed(1), p99.toFixed(1), (p99 / quiet).toFixed(1), outcome);
}
