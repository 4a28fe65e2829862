import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { eventually } from '../test/support/eventually.js';
import { temporaryFolder } from '../test/support/once-per-run.js';
import { ask, members, PASSWORD, signIn } from '../test/support/people.js';
import { type ApiProcess, type Env, type Launch, select, startApi } from '../test/support/processes.js';
import { startPostgres } from '../test/support/servers/postgres.js';
import { startRedis } from '../test/support/servers/redis.js';
import {
  betterAuth,
  byHash,
  fastapi,
  fastapiCursor,
  gatehouse,
  graphql,
  manifest,
  type People,
  post,
  postgraphile,
  type Sent,
  type Target,
  type Workload,
  withoutRules,
} from './workloads.js';

const PEERS = resolve('bench', 'peers');
/** Debian's own: what it needs are packages of Debian. */
const PYTHON = '/usr/bin/python3';
const PYTHON_PACKAGES = 'asyncpg, bcrypt, fastapi, httptools, jwt, redis, uvicorn, uvloop';
const DEBIAN_PACKAGES = PYTHON_PACKAGES.split(', ')
  .map((name) => (name === 'uvicorn' ? name : `python3-${name}`))
  .join(' ');
const PAGE_1000 = 999 * 20;
/** More than are read in a run: an id that comes again is in the cache. */
const MOST_IDS = 200_000;

export interface Options {
  people: number;
  connections: number;
  bcryptCost: number;
  /** The folder of another checkout, built, to be measured beside this one. */
  before?: string;
  /** Servers made of other packages, which are installed where they are not. */
  withPeers: boolean;
  /** Of Gatehouse, for its `NODE_OPTIONS`. */
  nodeOptions?: string;
}

/** Gatehouse with its people, and where its servers are. */
export interface Gatehouse {
  api: ApiProcess;
  database: string;
  redis: string;
  people: People;
  target: Target;
}

/** PostgreSQL and Redis, and what starts a build of Gatehouse on them. All end with the stack. */
async function openServers(stack: AsyncDisposableStack, options: Options) {
  const [postgres, redis] = await Promise.all([startPostgres({ durable: true }), startRedis()]);
  stack.defer(async () => void (await Promise.all([postgres.stop(), redis.stop()])));
  const env = { REDIS_URL: redis.url, BCRYPT_COST: String(options.bcryptCost), LOG_LEVEL: 'info' };
  const nodeOptions = options.nodeOptions && { NODE_OPTIONS: options.nodeOptions };
  const start = async (name: string, folder: string): Promise<Gatehouse> => {
    const database = await postgres.createDatabase();
    const api = await startApi(
      { ...env, ...nodeOptions, DATABASE_URL: database },
      join(folder, 'dist', 'src', 'main.js'),
    );
    stack.defer(async () => void (await api.stop()));
    return { api, database, redis: redis.url, ...(await ourTarget(name, api, database, options)) };
  };
  return { postgres, env, start };
}

/** Starts Gatehouse alone. */
export const startGatehouse = async (stack: AsyncDisposableStack, options: Options): Promise<Gatehouse> =>
  (await openServers(stack, options)).start('Gatehouse', '.');

/** Starts all servers, with the same people. They end with the stack. */
export async function startTargets(stack: AsyncDisposableStack, options: Options): Promise<Target[]> {
  const { postgres, env, start } = await openServers(stack, options);
  const now = await start('Gatehouse', '.');
  const { people } = now;
  const targets = [now.target, await startTrusted(stack, now, env)];
  if (options.before) targets.push((await start('Gatehouse, before', options.before)).target);
  if (options.withPeers) {
    installPeers();
    const database = { DATABASE_URL: now.database, ME: people.me };
    const mercurius = await startPeer(stack, 'mercurius.js', database);
    const deep = await cursorAfter(mercurius, deepest(options));
    targets.push({ name: 'Mercurius, no rules', url: mercurius, workloads: withoutRules(people, deep) });
    const graphile = await startPeer(stack, 'postgraphile.js', database);
    const after = await graphileCursor(graphile, deepest(options));
    targets.push({ name: 'PostGraphile, no rules', url: graphile, workloads: postgraphile(people, after) });
    targets.push(await startBetterAuth(stack, { ...env, DATABASE_URL: await postgres.createDatabase() }, options));
    if (hasFastapi())
      targets.push(await startFastapi(stack, { ...env, DATABASE_URL: await postgres.createDatabase() }, options));
    else console.log(`FastAPI is left out: ${PYTHON} lacks a package. On Debian: apt-get install ${DEBIAN_PACKAGES}`);
  }
  const apollo = await startPeer(stack, 'apollo.js', { ME: people.me });
  const { usersDeep: _, ...inMemory } = withoutRules(people, '');
  targets.push({ name: 'Apollo Server, one user in memory', url: apollo, workloads: inMemory });
  targets.push(await startSameBytes(stack, now.target));
  return targets;
}

/** Gatehouse on the same database and cache, with a manifest, whose queries are compiled. */
async function startTrusted(stack: AsyncDisposableStack, { database, target }: Gatehouse, env: Env): Promise<Target> {
  const folder = temporaryFolder();
  stack.defer(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'manifest.json');
  writeFileSync(path, manifest());
  const trusted = { PERSISTED_OPERATIONS: 'trusted', OPERATIONS_MANIFEST: path };
  const api = await startApi({ ...env, ...trusted, DATABASE_URL: database });
  stack.defer(async () => void (await api.stop()));
  return { ...target, name: 'Gatehouse, trusted', url: api.url, workloads: byHash(target.workloads) };
}

const deepest = ({ people }: Options) => Math.min(PAGE_1000, people - 40);

async function ourTarget(name: string, api: ApiProcess, database: string, options: Options) {
  const emails = await addPeople(api, database, options.people);
  const rows = await select(
    database,
    `select id from users where email like 'person%' order by md5(id::text) limit ${MOST_IDS}`,
  );
  const admin = await signIn(api);
  const people: People = { me: admin.id, ids: rows.map(({ id }) => String(id)), emails, password: PASSWORD };
  const sessions = await members(api, options.connections * 2);
  const signedIn = { token: admin.token, refreshTokens: sessions.map(({ refreshToken }) => refreshToken) };
  const deep = await cursorAfter(api.url, deepest(options), admin.token);
  const target: Target = {
    name,
    url: api.url,
    workloads: gatehouse(people, signedIn, deep),
    // The queue for hashes may be full.
    signIn: () =>
      eventually(async () => {
        signedIn.token = (await signIn(api)).token;
      }),
  };
  return { target, people };
}

/** People with one password, whose hash is made once. Answers their addresses. */
async function addPeople(api: ApiProcess, database: string, count: number): Promise<string[]> {
  const [one] = await members(api, 1);
  await select(
    database,
    `insert into users (id, email, password_hash, name, name_key, role_id, created_at, updated_at)
     select gen_random_uuid(), 'person' || n || '@example.com', one.password_hash, 'Person ' || n, 'person ' || n,
       one.role_id, one.created_at - n * interval '1 minute', one.updated_at
     from users as one, generate_series(1, ${count}) as n where one.id = $1`,
    [one?.id],
  );
  await select(database, 'analyze');
  return Array.from({ length: count }, (_, n) => `person${n + 1}@example.com`);
}

async function startBetterAuth(stack: AsyncDisposableStack, env: Env, { people: count }: Options): Promise<Target> {
  const url = await startPeer(stack, 'better-auth.js', env);
  const database = env.DATABASE_URL as string;
  const signedUp = await answerTo(url, post('/api/auth/sign-up/email', { ...ROOT, name: 'Root' }));
  await select(database, `update "user" set role = 'admin'`);
  await select(
    database,
    `insert into "user" (id, name, email, "emailVerified", "createdAt", "updatedAt", role)
     select md5('person' || n), 'Person ' || n, 'person' || n || '@example.com', false, now(), now(), 'user'
     from generate_series(1, ${count}) as n`,
  );
  await select(
    database,
    `insert into account (id, "accountId", "providerId", "userId", password, "createdAt", "updatedAt")
     select md5('account' || n), md5('person' || n), 'credential', md5('person' || n), root.password, now(), now()
     from account as root, generate_series(1, ${count}) as n`,
  );
  await select(database, 'analyze');
  const { token } = JSON.parse(await answerTo(url, post('/api/auth/sign-in/email', ROOT)));
  const rows = await select(database, `select id, email from "user" where role = 'user' limit ${MOST_IDS}`);
  const people = peopleOf(JSON.parse(signedUp).user.id, rows);
  return { name: 'better-auth', url, workloads: betterAuth(people, token) };
}

const hasFastapi = () => spawnSync(PYTHON, ['-c', `import ${PYTHON_PACKAGES}`]).status === 0;

async function startFastapi(stack: AsyncDisposableStack, env: Env, options: Options): Promise<Target> {
  const database = env.DATABASE_URL as string;
  const url = await startPeer(stack, 'fastapi_service.py', env, { program: PYTHON });
  const root = JSON.parse(await answerTo(url, post('/register', { ...ROOT, name: 'Root' })));
  await select(database, `update users set role_id = (select id from roles where name = 'ADMIN')`);
  await select(
    database,
    `insert into users (id, email, password_hash, name, role_id, created_at)
     select gen_random_uuid(), 'person' || n || '@example.com', root.password_hash, 'Person ' || n, 2,
       root.created_at - n * interval '1 minute'
     from users as root, generate_series(1, ${options.people}) as n`,
  );
  await select(database, 'analyze');
  const rows = await select(database, `select id, email from users where role_id = 2 limit ${MOST_IDS}`);
  const [deep] = await select(
    database,
    `select extract(epoch from created_at)::text as "createdAt", id
     from users order by created_at desc, id desc offset ${deepest(options)} limit 1`,
  );
  const people = peopleOf(root.id, rows);
  const signedIn = { token: '' };
  return {
    name: 'FastAPI, layered',
    url,
    workloads: fastapi(people, signedIn, fastapiCursor(deep.createdAt, deep.id)),
    async signIn() {
      signedIn.token = JSON.parse(await answerTo(url, post('/login', ROOT))).access_token;
    },
  };
}

const ROOT = { email: 'root@example.com', password: PASSWORD };

/** All have the password of the admin. */
const peopleOf = (me: string, rows: { id: string; email: string }[]): People => ({
  me,
  ids: rows.map(({ id }) => id),
  emails: rows.map(({ email }) => email),
  password: ROOT.password,
});

/** A bare server with the first answers of Gatehouse. */
async function startSameBytes(stack: AsyncDisposableStack, { url, workloads }: Target): Promise<Target> {
  const answers: Record<string, string> = {};
  const same: Target['workloads'] = {};
  for (const [name, { next }] of Object.entries(workloads) as [keyof Target['workloads'], Workload][]) {
    // What changes something has another answer each time.
    if (['mixed', 'refresh', 'login', 'register'].includes(name)) continue;
    answers[`/${name}`] = await answerTo(url, next(0));
    same[name] = { next: (turn) => ({ ...next(turn), path: `/${name}` }), holds: '{"data":{' };
  }
  const limit = await startPeer(stack, 'node-http.js', { ANSWERS: JSON.stringify(answers) });
  return { name: 'node:http, the same bytes', url: limit, workloads: same };
}

async function startPeer(stack: AsyncDisposableStack, file: string, env: Env, launch?: Launch): Promise<string> {
  const peer = await startApi(env, join(PEERS, file), launch);
  stack.defer(() => peer.kill());
  return peer.url;
}

function installPeers(): void {
  if (existsSync(join(PEERS, 'node_modules', 'mercurius'))) return;
  console.log('Installing the other servers in bench/peers: their packages take 400 MB.');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: PEERS, stdio: 'inherit' });
  if (status !== 0) throw new Error('the packages of bench/peers could not be installed');
}

async function answerTo(url: string, { method, path, headers, body }: Sent): Promise<string> {
  const response = await fetch(url + path, { method, headers, body });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${text}`);
  return text;
}

/** The cursor behind so many users. */
async function cursorAfter(url: string, count: number, token?: string): Promise<string> {
  let after: string | null = null;
  for (let read = 0; read < count; read += 20) {
    const { data } = await ask(
      { url },
      'query ($after: String) { users(first: 20, after: $after) { pageInfo { endCursor } } }',
      { after },
      token,
    );
    after = data.users.pageInfo.endCursor;
  }
  return String(after);
}

async function graphileCursor(url: string, count: number): Promise<string> {
  const query = `query ($offset: Int!) {
    allUsers(first: 1, offset: $offset, orderBy: [CREATED_AT_DESC, PRIMARY_KEY_DESC]) { pageInfo { endCursor } }
  }`;
  return JSON.parse(await answerTo(url, graphql(query, { offset: count - 1 }))).data.allUsers.pageInfo.endCursor;
}
