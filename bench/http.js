import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import autocannon from 'autocannon';

/**
 * Requests per second of the API, beside a bare Apollo Server in the same run. Embedded parts, or those that DATABASE_URL and REDIS_URL name (an empty
 * database of its own, please). SECONDS for each measurement, 5 unless told; CONNECTIONS, 20 unless told.
 */
const SECONDS = Number(process.env.SECONDS ?? 5);
const CONNECTIONS = Number(process.env.CONNECTIONS ?? 20);
const PEOPLE = 2_000;

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
const children = [];
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const bare = await start('bench/bare-apollo.js');
const api = `${await start('dist/src/main.js', { DATA_DIR: join(folder, 'data'), PORT: '0', LOG_LEVEL: 'info', BCRYPT_COST: '4' })}/graphql`;
const { accessToken: token } = (
  await ask('mutation { login(input: { email: "admin@example.com", password: "admin1234" }) { accessToken } }')
).login;
const ids = await people();

const TYPENAME = { query: '{ __typename }' };
const USER = 'query ($id: ID!) { user(id: $id) { id email name role { name } } }';
const USERS = `query ($filter: UserFilter) {
  users(first: 20, filter: $filter) { nodes { id email name role { name } } pageInfo { hasNextPage endCursor } }
}`;
let turn = 0;
const anotherMoment = () => new Date(Date.now() + 60_000 + turn++).toISOString();

const rows = [
  ['bare Apollo {__typename}', bare, () => TYPENAME, false],
  ['{__typename}', api, () => TYPENAME, false],
  ['{__typename}, signed in', api, () => TYPENAME, true],
  ['user(id), warm', api, () => ({ query: USER, variables: { id: ids[0] } }), true],
  ['user(id), each time another', api, () => ({ query: USER, variables: { id: ids[turn++ % ids.length] } }), true],
  ['users(first: 20), warm', api, () => ({ query: USERS }), true],
  [
    'users(first: 20), cold',
    api,
    () => ({ query: USERS, variables: { filter: { createdBefore: anotherMoment() } } }),
    true,
  ],
];

let reference;
console.log(
  `| request (${CONNECTIONS} connections, ${SECONDS} s each) | requests/s | to bare | p50 ms | p99 ms | failed |`,
);
console.log('| --- | --- | --- | --- | --- | --- |');
for (const [name, url, body, signedIn] of rows) {
  await measure(url, body, signedIn, 1);
  const { requests, latency, non2xx, errors } = await measure(url, body, signedIn, SECONDS);
  reference ??= requests.average;
  const ratio = (requests.average / reference).toFixed(2);
  console.log(
    `| ${name} | ${Math.round(requests.average)} | ${ratio} | ${latency.p50} | ${latency.p99} | ${non2xx + errors} |`,
  );
}
// The servers that it has started would keep it running; they end with it.
process.exit(0);

function measure(url, body, signedIn, duration) {
  const headers = { 'content-type': 'application/json', ...(signedIn && { authorization: `Bearer ${token}` }) };
  const setupRequest = (request) => ({ ...request, body: JSON.stringify(body()) });
  return autocannon({ url, duration, connections: CONNECTIONS, requests: [{ method: 'POST', headers, setupRequest }] });
}

async function start(script, env = {}) {
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let output = '';
  for await (const chunk of child.stdout) {
    output += chunk;
    const line = output.split('\n').find((text) => text.includes('"API is ready"') && text.endsWith('}'));
    if (!line) continue;
    child.stdout.resume();
    return JSON.parse(line).address;
  }
  throw new Error(`${script} ended before it was ready:\n${output}`);
}

async function ask(query, variables) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(api, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

async function people() {
  const query = 'mutation ($input: RegisterInput!) { register(input: $input) { user { id } } }';
  const made = [];
  while (made.length < PEOPLE) {
    const batch = Array.from({ length: 50 }, (_, index) => made.length + index).map((number) =>
      ask(query, {
        input: { email: `person${number}@example.com`, password: 'correct horse battery', name: `Person ${number}` },
      }),
    );
    made.push(...(await Promise.all(batch)));
  }
  return made.map(({ register }) => register.user.id);
}
