import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { ask, codes, freshEmail, LOGIN } from '../test/support/people.js';

/** What others do to one who reads, each in a thread of its own: the one who reads has to be measured undisturbed. */
const LOGINS_A_SECOND = 200;
const CONNECTIONS = 32;
const SOCKETS = 2_000;
const DEAREST = `{ users(first: 100) { totalCount nodes {
  id email displayEmail name role { name description } sessions { id userAgent ipAddress createdAt lastUsedAt expiresAt }
} } auditEvents(first: 100) { nodes { id action actorId subjectId sessionId ipAddress at details } } }`;

interface Target {
  url: string;
  /** An admin's. */
  token: string;
}

interface Load {
  name: string;
  /** Begins, and answers what ends it and says what came of it. */
  begin(target: Target): Promise<() => Promise<string>>;
}

const count = (outcomes: Map<string, number>, code = 'done') => void outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
const inWords = (outcomes: Map<string, number>) => [...outcomes].map(([code, times]) => `${times} ${code}`).join(', ');

export const LOADS: Load[] = [
  { name: 'quiet', begin: async () => async () => '' },
  {
    name: `${LOGINS_A_SECOND} logins a second`,
    async begin(api) {
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
    async begin({ token, ...api }) {
      const outcomes = new Map<string, number>();
      let done = false;
      const client = async () => {
        while (!done) count(outcomes, codes(await ask(api, DEAREST, {}, token))[0]);
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
    async begin(api) {
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

/** Begins a load in a thread of its own. Answers what ends it. */
export async function begin(load: number, target: Target): Promise<() => Promise<string>> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { load, target } });
  const heard = () =>
    new Promise<string>((resolve, reject) => void worker.once('message', resolve).once('error', reject));
  await heard();
  return async () => {
    const outcome = heard();
    worker.postMessage('end');
    return outcome;
  };
}

if (!isMainThread) {
  const { load, target } = workerData as { load: number; target: Target };
  const end = await (LOADS[load] as Load).begin(target);
  parentPort?.once('message', async () => parentPort?.postMessage(await end()));
  parentPort?.postMessage('begun');
}
