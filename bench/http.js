import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import autocannon from 'autocannon';

/**
 * Requests per second of the API, beside a bare Apollo Server in the same run, on embedded parts or on those that
 * DATABASE_URL and REDIS_URL name (an empty database of its own, please). SECONDS for each measurement, 5 unless told;
 * CONNECTIONS, 20 unless told. BEFORE names the folder of another checkout, built, on embedded parts: both are measured
 * in turns, ROUNDS times, and the medians compared.
 */
const SECONDS = Number(process.env.SECONDS ?? 5);
const CONNECTIONS = Number(process.env.CONNECTIONS ?? 20);
const { BEFORE } = process.env;
const ROUNDS = Number(process.env.ROUNDS ?? (BEFORE ? 4 : 1));
const PEOPLE = 2_000;
/** All people come from one network. */
const LIMITS = resolve('test/support/limits.json');

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
const children = [];
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const bare = { url: await start('bench/bare-apollo.js') };
const now = await api('now', '.');
const before = BEFORE && (await api('before', BEFORE));

const TYPENAME = { query: '{ __typename }' };
const USER = 'query ($id: ID!) { user(id: $id) { id email name role { name } } }';
const USERS = `query ($filter: UserFilter) {
  users(first: 20, filter: $filter) { nodes { id email name role { name } } pageInfo { hasNextPage endCursor } }
}`;
let turn = 0;
const anotherMoment = () => new Date(Date.now() + 60_000 + turn++).toISOString();

const rows = [
  ['{__typename}', () => TYPENAME, false],
  ['{__typename}, signed in', () => TYPENAME, true],
  ['me', () => ({ query: '{ me { id email name role { name } } }' }), true],
  ['user(id), warm', ({ ids }) => ({ query: USER, variables: { id: ids[0] } }), true],
  ['user(id), each time another', ({ ids }) => ({ query: USER, variables: { id: ids[turn++ % ids.length] } }), true],
  ['users(first: 20), warm', () => ({ query: USERS }), true],
  ['users(first: 20), cold', () => ({ query: USERS, variables: { filter: { createdBefore: anotherMoment() } } }), true],
];

console.log(
  `| request (${CONNECTIONS} connections, ${ROUNDS} × ${SECONDS} s each) | requests/s | to bare | ${before ? 'before | to before | ' : ''}p50 ms | p99 ms | failed |`,
);
console.log(`| --- | ${before ? '--- | --- | ' : ''}--- | --- | --- | --- | --- |`);
// What was compiled late, and the mails and events of the people above, would count against the first row.
for (const server of [bare, now, before].filter(Boolean)) await measure(server, () => TYPENAME, false, 5);
const [reference] = await measureInTurns([bare], () => TYPENAME, false);
print('bare Apollo {__typename}', reference);
for (const [name, body, signedIn] of rows)
  print(name, ...(await measureInTurns(before ? [now, before] : [now], body, signedIn)));
// The servers that it has started would keep it running; they end with it.
process.exit(0);

function print(name, measured, other) {
  const { rate, p50, p99, failed } = measured;
  const compared = other ? [Math.round(other.rate), (rate / other.rate).toFixed(2)] : before ? ['', ''] : [];
  const cells = [name, Math.round(rate), (rate / reference.rate).toFixed(2), ...compared, p50, p99, failed];
  console.log(`| ${cells.join(' | ')} |`);
}

/** The median of each server's rounds. */
async function measureInTurns(servers, body, signedIn) {
  const seen = servers.map(() => []);
  for (const server of servers) await measure(server, body, signedIn, 1);
  for (let round = 0; round < ROUNDS; round += 1) {
    // The order turns with each round, because the first server of a round is measured slower.
    const order = [...servers.keys()];
    for (const index of round % 2 ? order.reverse() : order) {
      seen[index].push(await measure(servers[index], body, signedIn, SECONDS));
    }
  }
  return seen.map((rounds) => rounds.sort((a, b) => a.rate - b.rate)[Math.floor(rounds.length / 2)]);
}

async function measure(server, body, signedIn, duration) {
  const { url, token } = server;
  const headers = { 'content-type': 'application/json', ...(signedIn && { authorization: `Bearer ${token}` }) };
  const setupRequest = (request) => ({ ...request, body: JSON.stringify(body(server)) });
  const requests = [{ method: 'POST', headers, setupRequest }];
  const result = await autocannon({ url, duration, connections: CONNECTIONS, requests });
  const { p50, p99 } = result.latency;
  return { rate: result.requests.average, p50, p99, failed: result.non2xx + result.errors };
}

/** The API of this checkout or of another, with people in it. */
async function api(name, cwd) {
  const env = { DATA_DIR: join(folder, name), PORT: '0', LOG_LEVEL: 'info', BCRYPT_COST: '4', LIMITS_FILE: LIMITS };
  const url = `${await start('dist/src/main.js', env, cwd)}/graphql`;
  const input = { email: 'admin@example.com', password: 'admin1234' };
  const { login } = await ask(url, 'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }', {
    input,
  });
  return { url, token: login.accessToken, ids: await people(url) };
}

async function start(script, env = {}, cwd = '.') {
  const child = spawn(process.execPath, [script], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  // Read for as long as it runs: a process whose output is closed ends with its next line.
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      if (output === null) return;
      output += text;
      const line = output.split('\n').find((found) => found.includes('"API is ready"') && found.endsWith('}'));
      if (!line) return;
      output = null;
      resolve(JSON.parse(line).address);
    });
    child.once('close', () => reject(new Error(`${script} ended before it was ready:\n${output}`)));
  });
}

async function ask(url, query, variables) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

async function people(url) {
  const query = 'mutation ($input: RegisterInput!) { register(input: $input) { user { id } } }';
  const made = [];
  while (made.length < PEOPLE) {
    const batch = Array.from({ length: 50 }, (_, index) => made.length + index).map((number) =>
      ask(url, query, {
        input: { email: `person${number}@example.com`, password: 'correct horse battery', name: `Person ${number}` },
      }),
    );
    made.push(...(await Promise.all(batch)));
  }
  return made.map(({ register }) => register.user.id);
}
