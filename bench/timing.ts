import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { codes, LOGIN, member, REQUEST_PASSWORD_RESET } from '../test/support/people.js';
import { select } from '../test/support/processes.js';
import { startRabbit } from '../test/support/servers/rabbit.js';
import { machine, row, startInstances } from './instances.js';
import { compare, quantile } from './statistics.js';

/**
 * Whether the time of an answer tells what its text does not: two kinds of address in pairs, each pair in random order,
 * one request after the other. Work that a request leaves behind would slow the next one down, so each is left to
 * settle; what such work tells by the time of a request right after it has a row of its own. PAIRS for each comparison,
 * 500 unless told; BCRYPT_COST, 8 unless told.
 */
const PAIRS = Number(process.env.PAIRS ?? 500);
const BCRYPT_COST = process.env.BCRYPT_COST ?? '8';
const WARM_UP_PAIRS = 50;
const SETTLE_MS = 60;

type Kind = 'unknown' | 'known' | 'deactivated' | 'deleted';

interface Operation {
  field: string;
  query: string;
  variables(email: string): Record<string, unknown>;
}

const LOGIN_WITH_WRONG_PASSWORD: Operation = {
  field: 'login',
  query: LOGIN,
  variables: (email) => ({ input: { email, password: 'not the right password' } }),
};

const PASSWORD_RESET: Operation = {
  field: 'requestPasswordReset',
  query: REQUEST_PASSWORD_RESET,
  variables: (email) => ({ email }),
};

const COMPARED: [Operation, Kind, Kind][] = [
  [LOGIN_WITH_WRONG_PASSWORD, 'unknown', 'known'],
  [LOGIN_WITH_WRONG_PASSWORD, 'unknown', 'deactivated'],
  [LOGIN_WITH_WRONG_PASSWORD, 'unknown', 'deleted'],
  [PASSWORD_RESET, 'unknown', 'known'],
  [PASSWORD_RESET, 'unknown', 'deleted'],
];

await using stack = new AsyncDisposableStack();
// As in production: without it the API would send mail itself, and only to those who are known.
const rabbit = await startRabbit();
stack.defer(() => rabbit.stop());
const instances = stack.use(await startInstances({ BCRYPT_COST, AMQP_URL: rabbit.url }));
const api = instances.one;
const person = await member(api);

row('wrong password, or a reset, for', 'pairs', 'medians ms', 'shift µs', 'rank-biserial', 'p');
row('---', '---', '---', '---', '---', '---');
for (const [operation, first, second] of COMPARED) {
  await measure(`\`${operation.field}\`, ${first} / ${second}`, operation, [first, second]);
}
console.log(
  `\nBCRYPT_COST ${BCRYPT_COST}; ${machine()}. Shift: Hodges-Lehmann, second less first. p: Mann-Whitney, two-sided.`,
);

async function measure(name: string, operation: Operation, kinds: [Kind, Kind]) {
  const count = WARM_UP_PAIRS + PAIRS;
  const addresses = [await addressesOf(kinds[0], count), await addressesOf(kinds[1], count)];
  const itselfMs: [number[], number[]] = [[], []];
  const nextMs: [number[], number[]] = [[], []];
  const heard = new Set<string>();
  for (let pair = 0; pair < count; pair += 1) {
    const starting = randomInt(2);
    for (const side of [starting, 1 - starting] as (0 | 1)[]) {
      const variables = operation.variables(addresses[side]?.[pair] ?? '');
      const itself = await timed(operation.query, variables);
      // As whoever asks would: the same for an address that nobody has.
      const next = await timed(operation.query, operation.variables(unknownAddress()));
      heard.add(JSON.stringify([itself.answer.data, codes(itself.answer)]));
      await delay(SETTLE_MS);
      if (pair < WARM_UP_PAIRS) continue;
      itselfMs[side].push(itself.tookMs);
      nextMs[side].push(next.tookMs);
    }
  }
  if (heard.size !== 1) throw new Error(`${name}: the answers themselves differ: ${[...heard].join(' ')}`);
  report(name, itselfMs);
  report(`the request after ${name}`, nextMs);
}

async function timed(query: string, variables: Record<string, unknown>) {
  const began = performance.now();
  const answer = await api.ask(query, variables);
  return { answer, tookMs: performance.now() - began };
}

function report(name: string, tookMs: [number[], number[]]) {
  const { p, effect, shift } = compare(...tookMs);
  const medians = tookMs.map((numbers) => quantile(numbers, 0.5).toFixed(3));
  row(
    name,
    PAIRS,
    medians.join(' / '),
    (shift * 1000).toFixed(0),
    effect.toFixed(3),
    p < 0.001 ? p.toExponential(0) : p.toFixed(3),
  );
}

function unknownAddress(): string {
  return `${randomUUID()}@example.com`;
}

/**
 * Fresh addresses, all of one length. Known ones are of accounts that are copies of one, whose password's hash the API
 * itself has made.
 */
async function addressesOf(kind: Kind, count: number): Promise<string[]> {
  const emails = Array.from({ length: count }, unknownAddress);
  if (kind === 'unknown') return emails;
  const copy = `
    insert into users (id, email, password_hash, name, role_id, is_active, deleted_at, created_at, updated_at)
    select gen_random_uuid(), address, password_hash, name, role_id, $2, $3, created_at, updated_at
    from users, unnest($1::text[]) as address where id = $4`;
  const deletedAt = kind === 'deleted' ? new Date() : null;
  await select(instances.database, copy, [emails, kind === 'known', deletedAt, person.id]);
  return emails;
}
