import { members, type Person, signIn } from '../test/support/people.js';
import { select, startApi } from '../test/support/processes.js';
import { type PostgresServer, startPostgres } from '../test/support/servers/postgres.js';
import { machine, row } from './instances.js';
import { quantile } from './statistics.js';

/**
 * How the time of lists, searches and counts grows with the users: an API for each of SIZES (10,000 and 1,000,000 unless
 * told, with commas between), all on one private PostgreSQL and without Redis, asked in turns. No answer comes from a
 * cache. REQUESTS (60) of each kind. Every answer is looked at. Prints p95 in milliseconds, and beside it how often that
 * of the first size.
 */
const sizes = (process.env.SIZES ?? '10000,1000000').split(',').map(Number);
const requests = Number(process.env.REQUESTS ?? 60);
/** Of these, each size has the same number; of all others, the same share. */
const RARE = { name: 'Wojciechowska', users: 50 };
const DEEP = 1_000;

interface Kind {
  title: string;
  filter?: object;
  page?: object;
  isDeep?: true;
  /** What is asked for of the list. */
  fields?: string;
}

const NODES = 'nodes { id email name role { name } }';
const COUNT = 'totalCount totalCountIsEstimate';
const ORDERS = ['CREATED_AT', 'UPDATED_AT', 'NAME', 'EMAIL'];

const KINDS: Kind[] = [
  ...ORDERS.map((field) => ({ title: `first page by ${field}`, page: { orderBy: { field, direction: 'ASC' } } })),
  ...ORDERS.map((field) => ({
    title: `last page by ${field}`,
    page: { orderBy: { field, direction: 'DESC' }, first: null, last: 20 },
  })),
  { title: `page behind ${DEEP} users`, isDeep: true },
  { title: 'role', filter: { role: 'ADMIN' } },
  { title: 'deactivated', filter: { isActive: false } },
  { title: 'closed', filter: { states: ['CLOSED'] } },
  { title: 'one address', filter: { email: 'person77@lists.example' } },
  {
    title: 'registered in one hour',
    filter: { createdFrom: '2020-01-02T00:00:00Z', createdBefore: '2020-01-02T01:00:00Z' },
  },
  { title: 'role or deactivated', filter: { or: [{ role: 'ADMIN' }, { isActive: false }] } },
  { title: 'all but deactivated', filter: { not: { isActive: false } } },
  { title: `search, ${RARE.users} users have it`, filter: { search: RARE.name } },
  { title: 'search, 1 of 20 has it', filter: { search: 'marianne' } },
  { title: 'search, nobody has it', filter: { search: 'qqqqzzzz' } },
  { title: 'search, two letters', filter: { search: 'ma' } },
  { title: 'count of all', fields: COUNT },
  { title: 'count of deactivated', filter: { isActive: false }, fields: COUNT },
  { title: 'count of closed', filter: { states: ['CLOSED'] }, fields: COUNT },
  { title: `count of a search, ${RARE.users} have it`, filter: { search: RARE.name }, fields: COUNT },
  { title: 'count of a search, 1 of 20 has it', filter: { search: 'marianne' }, fields: COUNT },
];

interface Side {
  size: number;
  admin: Person;
  deep: string;
}

await using stack = new AsyncDisposableStack();
const postgres = await startPostgres({ durable: true });
stack.defer(() => postgres.stop());
const sides: Side[] = [];
for (const size of sizes) sides.push(await sideOf(postgres, size));

console.log(`${machine()}; ${requests} requests of each kind.\n`);
const named = sizes.map((size) => size.toLocaleString('en'));
row('p95 ms', ...named, ...named.slice(1).map((name) => `${name} to ${named[0]}`));
row('---', ...named.map(() => '---'), ...named.slice(1).map(() => '---'));
let asked = 0;
for (const kind of KINDS) {
  const took = sides.map((): number[] => []);
  // The first ones warm up.
  for (let turn = -5; turn < requests; turn++)
    for (const [at, side] of sides.entries()) {
      const ms = await timeOf(side, kind);
      if (turn >= 0) took[at]?.push(ms);
    }
  const p95 = took.map((times) => quantile(times, 0.95));
  const [first = Number.NaN, ...others] = p95;
  row(kind.title, ...p95.map((ms) => ms.toFixed(1)), ...others.map((ms) => (ms / first).toFixed(2)));
}

async function sideOf(server: PostgresServer, size: number): Promise<Side> {
  const database = await server.createDatabase();
  const api = await startApi({ DATABASE_URL: database, LOG_LEVEL: 'info' });
  stack.defer(async () => void (await api.stop()));
  const admin = await signIn(api);
  const [one] = await members(api, 1);
  await select(database, 'alter table users disable trigger users_changed');
  // To make an index of all rows at once takes less time than to add each row to it.
  const indexes = await select(
    database,
    `select indexname as name, indexdef as definition from pg_indexes
     where tablename = 'users' and indexname not in (select conname from pg_constraint)`,
  );
  for (const { name } of indexes) await select(database, `drop index "${name}"`);
  await select(
    database,
    `insert into users (id, email, password_hash, name, name_key, role_id, created_at, updated_at, is_active, deleted_at)
     select gen_random_uuid(), case when n = 77 then 'person77@lists.example' else md5(n::text) || '@lists.example' end,
       one.password_hash, person.name, lower(person.name), one.role_id, at, at + (n % 7) * interval '1 day',
       n % 100 <> 1, case when n % 100 = 2 then now() end
     from users as one, generate_series(1, ${size}) as n,
       lateral (select timestamptz '2020-01-01' + n * interval '1 minute' as at) as times,
       lateral (select case
         when n % (${size} / ${RARE.users}) = 0 then 'Ada ${RARE.name} ' || md5(n::text)::char(6)
         when n % 20 = 0 then 'Marianne ' || md5(n::text)::char(9)
         else md5(n::text)::char(7) || ' ' || md5('n' || n)::char(9) end as name) as person
     where one.id = $1`,
    [one?.id],
  );
  for (const { definition } of indexes) await select(database, `set maintenance_work_mem = '1GB'; ${definition}`);
  await select(database, 'alter table users enable trigger users_changed');
  await select(database, 'vacuum analyze users');
  let deep = '';
  for (let behind = 0; behind < DEEP; behind += 100) {
    const { data } = await admin.ask(
      'query ($after: String) { users(first: 100, after: $after) { pageInfo { endCursor } } }',
      { after: deep || null },
    );
    deep = data.users.pageInfo.endCursor;
  }
  return { size, admin, deep };
}

/** In milliseconds. Each filter is a new one, so that no cache has its answer. */
async function timeOf(
  { size, admin, deep }: Side,
  { title, filter, page, isDeep, fields = NODES }: Kind,
): Promise<number> {
  asked += 1;
  const variables = {
    filter: { and: [{ createdFrom: new Date(asked).toISOString() }, filter ?? {}] },
    first: 20,
    ...page,
    ...(isDeep && { after: deep }),
  };
  const began = performance.now();
  const { data, errors } = await admin.ask(
    `query ($filter: UserFilter, $orderBy: UserOrder, $first: Int, $last: Int, $after: String) {
       users(filter: $filter, orderBy: $orderBy, first: $first, last: $last, after: $after) { ${fields} } }`,
    variables,
  );
  const ms = performance.now() - began;
  const { nodes, totalCount } = data?.users ?? {};
  if (errors.length > 0 || (nodes?.length === 0 && !title.includes('nobody')) || totalCount === 0)
    throw new Error(`${title}, ${size} users: ${JSON.stringify(errors)} ${JSON.stringify(data).slice(0, 200)}`);
  return ms;
}
