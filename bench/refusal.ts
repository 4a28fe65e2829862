import { Agent, request } from 'node:http';
import { startApi } from '../test/support/processes.js';
import { REFUSED_REQUESTS } from '../test/support/refused-requests.js';
import { machine, row } from './instances.js';
import { quantile } from './statistics.js';

/**
 * What it costs to refuse: bodies of up to 100 kB that a stranger may send, each beside `{__typename}`, in turns and
 * one at a time. Then how long others wait while twelve of the dearest are on their way over four connections. ROUNDS
 * for each, 15 unless told; embedded parts.
 */
const ROUNDS = Number(process.env.ROUNDS ?? 15);
const TYPENAME = '{"query":"{ __typename }"}';

await using api = await startApi({ LOG_LEVEL: 'info' }, 'dist-bench/src/main.js');

const one = new Agent({ keepAlive: true, maxSockets: 1 });
const four = new Agent({ keepAlive: true, maxSockets: 4 });

for (let warm = 0; warm < 500; warm += 1) await timed(TYPENAME, one);

const reference: number[] = [];
const rows: { name: string; body: string; ms: number; status: number; bytes: number }[] = [];
for (const [name, body] of Object.entries(REFUSED_REQUESTS)) {
  const took: number[] = [];
  let answer = await timed(body, one);
  for (let round = 0; round < ROUNDS; round += 1) {
    reference.push((await timed(TYPENAME, one)).ms);
    answer = await timed(body, one);
    took.push(answer.ms);
  }
  rows.push({ name, body, ms: quantile(took, 0.5), status: answer.status, bytes: answer.bytes });
}
const typename = quantile(reference, 0.5);
row('request', 'bytes', 'status', 'bytes of the answer', 'ms (median)', 'to `{__typename}`');
row('---', '---', '---', '---', '---', '---');
row('`{__typename}`', TYPENAME.length, 200, '', typename.toFixed(2), '1.0');
rows.sort((a, b) => b.ms - a.ms);
for (const { name, body, status, bytes, ms } of rows)
  row(name, body.length, status, bytes, ms.toFixed(2), (ms / typename).toFixed(1));

const dearest = rows[0]?.body ?? TYPENAME;
const waits: number[] = [];
const began = performance.now();
let inFlight = true;
const storm = Promise.all(Array.from({ length: 12 }, () => timed(dearest, four))).then(() => {
  inFlight = false;
});
while (inFlight) waits.push((await timed(TYPENAME, one)).ms);
await storm;
console.log(
  `\nTwelve of the dearest over four connections take ${(performance.now() - began).toFixed(0)} ms; another's \`{__typename}\` waits ${Math.max(...waits).toFixed(0)} ms at most.`,
);
console.log(`${ROUNDS} rounds; ${machine()}.`);
one.destroy();
four.destroy();

/** Sends a body and reads its answer to the end. */
function timed(body: string, agent: Agent): Promise<{ ms: number; status: number; bytes: number }> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const sent = request(
      `${api.url}/graphql`,
      { agent, method: 'POST', headers: { 'content-type': 'application/json' } },
      (answer) => {
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
        });
        answer.on('end', () => resolve({ ms: performance.now() - start, status: answer.statusCode ?? 0, bytes }));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}
