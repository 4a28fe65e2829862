import { setTimeout as delay } from 'node:timers/promises';
import { member, members, type Person, signIn } from '../test/support/people.js';
import { begin, LOADS } from './edge-loads.js';
import { machine, row, startInstances } from './instances.js';
import { quantile } from './statistics.js';

/**
 * What others do to one who reads: the time of `me`, 50 times a second, while it is quiet; while 200 logins a second
 * arrive from 1,000 networks; while an admin asks the dearest query that is allowed on 32 connections; and while 2,000
 * sockets are open and silent. All on one instance, with bcrypt's cost of 12. SECONDS for each, 10 unless told.
 */
const SECONDS = Number(process.env.SECONDS ?? 10);
const EVERY_MS = 20;
const ME = '{ me { id email name role { name } } }';
await using instances = await startInstances({
  BCRYPT_COST: process.env.BCRYPT_COST ?? '12',
  TRUST_PROXY: '127.0.0.1',
});
const { one: api } = instances;
const ada = await member(api);
const root = await signIn(api);
await members(api, 100);

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
for (const [load, { name }] of LOADS.entries()) {
  const end = await begin(load, { url: api.url, token: root.token });
  const times = (await timesOf(ada)).sort((a, b) => a - b);
  const outcome = await end();
  const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
  if (name === 'quiet') quiet = p99;
  row(name, p50.toFixed(1), p99.toFixed(1), (p99 / quiet).toFixed(1), outcome);
}
