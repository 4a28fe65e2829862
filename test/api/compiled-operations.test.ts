// Queries of a manifest are compiled. Each that is made from the schema at random is answered, byte for byte, as graphql-js
// answers it by GET, for each kind of viewer.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mock } from 'node:test';
import { ApolloServer } from '@apollo/server';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'graphql';
import { compileOperation } from '../../src/graphql/compiled-operation.js';
import { checkDocument } from '../../src/graphql/document-checks.js';
import { sha256 } from '../../src/graphql/manifest.js';
import { describeApi } from '../support/app.js';
import { temporaryFolder } from '../support/once-per-run.js';
import { type Answer, admin, answerOf, ask, codes, LOGIN, member, type Person, REGISTER } from '../support/people.js';
import { documentBy, SCHEMA, timeless, withVariables } from '../support/random-operations.js';

const RUNS = Number(process.env.OPERATION_RUNS ?? 200);
/** As clients send them: with variables, some of them not given, some null. */
const WITH_VARIABLES: [query: string, variables: (id: string) => Record<string, unknown>[]][] = [
  [
    'query ($id: ID!) { user(id: $id) { ...Shown } node(id: $id) { __typename id ...Shown } } fragment Shown on User { id email name role { name } createdAt deletedAt }',
    (id) => [{ id }, { id: id.toUpperCase() }, { id: crypto.randomUUID() }, { id: 'none' }, {}],
  ],
  [
    'query ($first: Int = 2, $after: String, $filter: UserFilter, $orderBy: UserOrder) { users(first: $first, after: $after, filter: $filter, orderBy: $orderBy) { edges { cursor node { id email } } nodes { id } pageInfo { hasNextPage endCursor } } }',
    () => [
      {},
      { first: 1 },
      { first: null },
      { first: 0 },
      { after: 'x' },
      { filter: { search: 'a' }, orderBy: { field: 'NAME', direction: 'ASC' } },
      { filter: null, orderBy: null },
      { filter: {}, orderBy: { direction: 'DESC', field: 'EMAIL' } },
      { filter: { or: [{ role: 'ADMIN' }, { not: { and: { isActive: true } } }], states: ['ACTIVE', 'CLOSED'] } },
      { filter: { createdFrom: '2020-01-01T00:00:00Z', createdBefore: '2120-01-01T00:00:00+09:00' } },
      { filter: { createdFrom: 'today' } },
      { filter: { or: [{ role: 'GOD' }] } },
      { filter: { surprise: true } },
      { filter: 'x' },
      { filter: [] },
      { orderBy: { field: 'NAME' } },
      { orderBy: {} },
      { filter: { and: [{ and: [{ and: [{ and: [{ and: [{ isActive: true }] }] }] }] }] } },
    ],
  ],
  [
    'query ($filters: [UserFilter!]! = [{ isActive: false }], $also: UserFilter = { role: MEMBER }, $role: RoleName) { users(filter: { or: $filters, and: [$also, { role: $role }] }) { nodes { id } } me { id } }',
    () => [
      {},
      { filters: [] },
      { filters: { role: 'ADMIN' }, also: null },
      { filters: [{ role: 'ADMIN' }, { search: 'a' }], also: { isActive: true }, role: 'ADMIN' },
      { filters: [null] },
      { filters: null },
      { role: null },
    ],
  ],
  [
    'query ($first: Int = 2, $last: Int, $after: String, $direction: OrderDirection! = ASC) { users(first: $first, last: $last, after: $after, orderBy: { field: EMAIL, direction: $direction }, filter: { not: { isActive: false } }) { totalCount nodes { id } pageInfo { hasNextPage endCursor } } }',
    () => [
      {},
      { first: 1, direction: 'DESC' },
      { first: null },
      { last: 1 },
      { first: null, last: 1 },
      { after: '' },
      { direction: 'UP' },
    ],
  ],
  [
    'query ($field: UserOrderField = NAME, $states: [AccountState!] = [ACTIVE]) { users(first: 2, orderBy: { field: $field, direction: ASC }, filter: { states: $states }) { nodes { id } } }',
    () => [{}, { field: null }, { field: 'EMAIL' }, { states: null }, { states: 'CLOSED' }, { states: [null] }],
  ],
  [
    'query ($filter: AuditFilter) { auditEvents(first: 3, filter: $filter) { nodes { action at actorId details } } me { sessions { id current } } }',
    (id) => [{}, { filter: { subjectId: id } }, { filter: { action: 'user.registered' } }],
  ],
];
const SEED = Number(process.env.OPERATION_SEED ?? Math.trunc(Math.random() * 1e9));

afterEach(() => mock.restoreAll());

describe('in trusted mode', () => {
  const folder = temporaryFolder();
  const manifest = join(folder, 'manifest.json');
  const trust = (documents: string[]) =>
    writeFileSync(manifest, JSON.stringify(Object.fromEntries(documents.map((text) => [sha256(text), text]))));
  trust([REGISTER, LOGIN]);

  describeApi(
    'a compiled query',
    (app) => {
      const byGet = async (query: string, variables: object, token?: string): Promise<Answer> =>
        answerOf(
          await fetch(`${app().url}/graphql?${new URLSearchParams({ query, variables: JSON.stringify(variables) })}`, {
            headers: { 'apollo-require-preflight': '1', ...(token && { authorization: `Bearer ${token}` }) },
          }),
        );

      test('is made of a query with whatever variables', () => {
        for (const [query] of WITH_VARIABLES)
          expect([query, compileOperation(SCHEMA, parse(query))]).toEqual([query, expect.any(Function)]);
      });

      test(`is answered as it is without (OPERATION_SEED=${SEED})`, async () => {
        const [ada, other, root] = [await member(app()), await member(app()), await admin(app())];
        const ids = [ada.id, other.id, other.sessionId, crypto.randomUUID()];
        const asked = [
          ...randomOperations(ids),
          ...WITH_VARIABLES.flatMap(([query, sets]) => sets(ada.id).map((variables) => ({ query, variables }))),
        ];
        const seen = new Map<string, number>();
        const runByApollo = mock.method(ApolloServer.prototype, 'executeHTTPGraphQLRequest').mock;
        let ranCompiled = 0;

        // A hundred at a time: a compiled query takes up to a megabyte.
        while (asked.length > 0) {
          const batch = asked.splice(0, 100);
          trust([REGISTER, LOGIN, ...batch.map(({ query }) => query)]);
          process.emit('SIGUSR2', 'SIGUSR2');
          for (const { query, variables } of batch) {
            for (const viewer of [undefined, ada, root] as (Person | undefined)[]) {
              // Shows the document to Apollo, too, which finds it good.
              const expected = await byGet(query, variables, viewer?.token);
              // It would keep all that Apollo was ever given.
              runByApollo.resetCalls();
              const answer = await ask(app(), query, variables, viewer?.token);
              const wasDirect = runByApollo.callCount() === 0;
              if (wasDirect && !query.includes('@')) ranCompiled += 1;
              for (const code of [...codes(answer), answer.data ? 'data' : 'no data'])
                seen.set(code, (seen.get(code) ?? 0) + 1);
              expect([query, variables, answer.status, timeless(answer.text)]).toEqual([
                query,
                variables,
                expected.status,
                timeless(expected.text),
              ]);
            }
          }
        }

        expect(ranCompiled).toBeGreaterThan(RUNS / 2);
        // Each manifest was taken.
        expect([...seen.keys()]).not.toContain('DOCUMENT_NOT_TRUSTED');
        for (const kind of ['data', 'FORBIDDEN', 'UNAUTHENTICATED', 'BAD_USER_INPUT'])
          expect([kind, seen.get(kind) ?? 0]).not.toEqual([kind, 0]);
      });
    },
    {},
    { PERSISTED_OPERATIONS: 'trusted', OPERATIONS_MANIFEST: manifest },
  );
});

/** Those that fit the schema; one of two without directives, as only these are compiled, and half of these with variables. */
function randomOperations(ids: string[]): { query: string; variables: Record<string, unknown> }[] {
  const numbers = fc.sample(fc.infiniteStream(fc.nat()), { seed: SEED, numRuns: RUNS });
  return numbers
    .map((stream, index) => {
      const pick = (count: number) => (stream.next().value as number) % count;
      const query = documentBy(pick, ids, 'query', index % 2 === 0 ? [''] : undefined);
      return index % 4 === 0 ? withVariables(query, pick) : { query, variables: {} };
    })
    .filter(({ query }) => !Array.isArray(checkDocument(SCHEMA, query)));
}
