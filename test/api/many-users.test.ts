// A list of many users costs no more than one of few: every order, filter and search has an index in its plan, and what
// is too much to be counted is estimated. Shown by the plans of the very statements, on 12,000 users.

import { beforeAll, expect, test } from '@jest/globals';
import { describeApi } from '../support/app.js';
import { admin, type Person } from '../support/people.js';
import { statementsOf } from '../support/record-statements.js';

const MANY = 12_000;
/** Registered a minute after the other, from here on. */
const FIRST = Date.parse('2020-01-01T00:00:00Z');
const minute = (count: number) => new Date(FIRST + count * 60_000).toISOString();

describeApi('a list of many users', (app) => {
  let root: Person;

  beforeAll(async () => {
    const { em } = app().database;
    await em.execute('alter table users disable trigger users_changed');
    await em.execute(
      `insert into users (id, email, password_hash, name, name_key, created_at, updated_at, is_active, deleted_at)
       select gen_random_uuid(), 'u' || n || '@' || md5(n::text) || '.example', 'none', 'N ' || n, md5('n' || n),
         ?::timestamptz + n * interval '1 minute', now(), n % 1000 > 0, case when n % 500 = 0 then now() end
       from generate_series(1, ${MANY}) as n`,
      [minute(0)],
    );
    await em.execute('alter table users enable trigger users_changed');
    await em.execute('analyze users');
    root = await admin(app());
  });

  const total = async (filter: object) =>
    (
      await root.ask('query ($filter: UserFilter) { users(filter: $filter) { totalCount totalCountIsEstimate } }', {
        filter,
      })
    ).data.users;
  const STATES = ['ACTIVE', 'DEACTIVATED', 'CLOSED'];

  test.each([0, 1, 9_999, 10_000])('%i are counted', async (count) => {
    const filter = { states: STATES, createdBefore: minute(count + 1) };

    expect(await total(filter)).toEqual({ totalCount: count, totalCountIsEstimate: false });
  });

  test('10,001 and more are estimated', async () => {
    for (const count of [10_001, MANY]) {
      const { totalCount, totalCountIsEstimate } = await total({ states: STATES, createdBefore: minute(count + 1) });

      expect(totalCountIsEstimate).toBe(true);
      expect(totalCount).toBeGreaterThan(10_000);
      expect(Math.abs(totalCount - count) / count).toBeLessThan(0.1);
    }
  });

  test('both fields are one count, and none where neither is asked for', async () => {
    const counts = async (fields: string) => {
      await app().cache.invalidate('users');
      app().statements();
      await root.ask(`{ users(first: 1) { ${fields} } }`);
      return app()
        .statements()
        .filter((statement) => statement.includes('count(')).length;
    };

    expect([await counts('totalCountIsEstimate totalCount a: totalCount'), await counts('nodes { id }')]).toEqual([
      1, 0,
    ]);
  });

  const ORDERS = ['CREATED_AT', 'UPDATED_AT', 'EMAIL', 'NAME'].flatMap((field) =>
    ['ASC', 'DESC'].map((direction) => ({ field, direction })),
  );
  const FILTERS: [string, object][] = [
    ['one address', { email: 'u7@example.com' }],
    ['a role', { role: 'ADMIN' }],
    ['the deactivated', { states: ['DEACTIVATED'] }],
    ['the closed', { states: ['CLOSED'] }],
    ['a part of a name or address', { search: 'a1b2' }],
    ['two parts', { or: [{ search: 'a1b2' }, { search: '%3c_4' }] }],
    ['a time', { createdFrom: minute(MANY - 5) }],
  ];

  /** The plans of what a request reads of `users`, where a look at every row is the last resort. */
  async function plansOf(variables: Record<string, unknown>): Promise<string[]> {
    const { database, cache } = app();
    await cache.invalidate('users');
    let failures: unknown[] = [];
    const read = await statementsOf(database, /^select .*from "users".* limit /, async () => {
      const { errors } = await root.ask(
        `query ($after: String, $filter: UserFilter, $orderBy: UserOrder) {
           users(first: 20, after: $after, filter: $filter, orderBy: $orderBy) { totalCount nodes { id } }
         }`,
        variables,
      );
      failures = errors;
    });
    // The page and the count.
    expect([failures, read.length]).toEqual([[], 2]);
    return database.em.fork().transactional(async (em) => {
      await em.execute('set local enable_seqscan = off');
      const plans: string[] = [];
      for (const [query, params] of read) {
        const lines = await em.execute(`explain ${query}`, [...params]);
        plans.push(lines.map((line: Record<string, string>) => line['QUERY PLAN']).join('\n'));
      }
      return plans;
    });
  }

  test.each(ORDERS)('a page by $field $direction is read from an index, in its order', async (orderBy) => {
    const { data } = await root.ask(
      'query ($orderBy: UserOrder) { users(first: 50, orderBy: $orderBy) { pageInfo { endCursor } } }',
      { orderBy },
    );
    for (const after of [null, data.users.pageInfo.endCursor]) {
      for (const plan of await plansOf({ orderBy, after })) {
        expect(plan).toContain('Index');
        expect(plan).not.toMatch(/Seq Scan|Sort/);
      }
    }
  });

  test.each(FILTERS)('a page and the count of %s have an index', async (_, filter) => {
    for (const plan of await plansOf({ filter })) {
      expect(plan).toContain('Index');
      expect(plan).not.toContain('Seq Scan');
    }
  });
});
