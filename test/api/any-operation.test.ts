// Operations that are made from the schema at random, as each kind of viewer: never a fault of the server, never an
// unmasked text, never a value of somebody else. And the same answer, byte for byte, whichever way it is run.

import { ApolloServer } from '@apollo/server';
import { expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';
import { ERROR_CODES } from '../../src/errors.js';
import { createSchema } from '../../src/schema.js';
import { describeApi } from '../support/app.js';
import { type Answer, admin, ask, codes, freshEmail, member } from '../support/people.js';

const RUNS = Number(process.env.OPERATION_RUNS ?? 300);
const SEED = Number(process.env.OPERATION_SEED ?? Math.trunc(Math.random() * 1e9));
const SCHEMA = createSchema();
const SECRET_NAME = 'Xq7 Victimson';
const SECRET_AGENT = 'Zk4 Browser';
/** They end the viewer's session or account, and the rest of the run would be asked by nobody. */
const ENDS_THE_RUN = [
  'logout',
  'logoutEverywhere',
  'revokeSession',
  'deleteUser',
  'changePassword',
  'deactivateUser',
  'setUserRole',
];

/** `expiresIn` counts the seconds. */
const timeless = (text: string) => text.replace(/:\d{5,8}(?=[,}])/g, ':n');

type Pick = (count: number) => number;

/** One document, by the numbers that `pick` gives. */
function documentBy(pick: Pick, ids: string[], kind: 'query' | 'mutation'): string {
  const root = SCHEMA.getRootType(kind as never) as GraphQLObjectType;
  const fragments: string[] = [];
  const oneOf = <T>(list: readonly T[]): T => list[pick(list.length)] as T;

  const text = () => JSON.stringify(oneOf([...ids, 'a@example.com', freshEmail(), '', '%', 'x'.repeat(200), '\u202e']));
  const value = (type: GraphQLInputType, depth: number): string => {
    const nullable = getNullableType(type);
    if (!isNonNullType(type) && pick(8) === 0) return 'null';
    if (isListType(nullable))
      return `[${Array.from({ length: pick(3) }, () => value(nullable.ofType as GraphQLInputType, depth + 1)).join(' ')}]`;
    if (isEnumType(nullable)) return oneOf(nullable.getValues()).name;
    if (isInputObjectType(nullable)) {
      const fields = Object.values(nullable.getFields()).filter(
        (field) => isNonNullType(field.type) || (depth < 3 && pick(3) === 0),
      );
      return `{${fields.map((field) => `${field.name}: ${value(field.type, depth + 1)}`).join(' ')}}`;
    }
    if (nullable.name === 'Int') return String(oneOf([1, 5, 100, 0, -1]));
    if (nullable.name === 'Boolean') return oneOf(['true', 'false']);
    return nullable.name === 'DateTime' ? '"2026-01-01T00:00:00Z"' : text();
  };
  const part = (field: GraphQLField<unknown, unknown>, depth: number): string => {
    const args = field.args.filter((argument) => isRequiredArgument(argument) || pick(2) === 0);
    const given = args.length > 0 ? `(${args.map(({ name, type }) => `${name}: ${value(type, 0)}`).join(' ')})` : '';
    const alias = pick(5) === 0 ? `a${pick(1_000)}: ` : '';
    const directive = oneOf(['', '', '', '', '@include(if: true)', '@skip(if: false)', '@skip(if: true)']);
    const type = getNamedType(field.type);
    const inner = isObjectType(type) ? ` ${selection(type, depth + 1)}` : isLeafType(type) ? '' : ' { id }';
    return `${alias}${field.name}${given} ${directive}${inner}`;
  };
  const selection = (type: GraphQLObjectType, depth: number): string => {
    const fields = Object.values(type.getFields()).filter(
      ({ name, type: fieldType }) =>
        !(kind === 'mutation' && depth === 0 && ENDS_THE_RUN.includes(name)) &&
        (depth < 5 || isLeafType(getNamedType(fieldType))),
    );
    const count = 1 + pick(depth === 0 ? 3 : 5);
    const parts = Array.from({ length: count }, () => part(oneOf(fields), depth));
    if (pick(4) === 0) parts.push('__typename');
    const body = `{ ${parts.join(' ')} }`;
    if (pick(6) > 0) return body;
    if (pick(2) === 0) return `{ ... on ${type.name} ${body} }`;
    const name = `F${fragments.length}`;
    fragments.push(`fragment ${name} on ${type.name} ${body}`);
    return `{ ...${name} }`;
  };
  const operation = `${kind} ${selection(root, 0)}`;
  return [operation, ...fragments].join(' ');
}

describeApi('any operation', (app) => {
  test.each(['nobody', 'a member', 'an admin'])(
    `of %s has an answer by the contract (OPERATION_SEED=${SEED})`,
    async (kind) => {
      const victim = await member(app(), { name: SECRET_NAME });
      await app().database.em.execute('update sessions set user_agent = ? where user_id = ?', [
        SECRET_AGENT,
        victim.id,
      ]);
      const seen = new Map<string, number>();
      const runByApollo = jest.spyOn(ApolloServer.prototype, 'executeHTTPGraphQLRequest');
      let ranDirectly = 0;
      const viewer = kind === 'nobody' ? null : kind === 'a member' ? await member(app()) : await admin(app());
      const own = viewer?.id ?? '';
      const ids = [victim.id, own, victim.sessionId, crypto.randomUUID()].filter(Boolean);
      const secrets = [SECRET_NAME, SECRET_AGENT, victim.email, victim.refreshToken];

      await fc.assert(
        fc.asyncProperty(fc.infiniteStream(fc.nat()), fc.boolean(), async (numbers, isMutation) => {
          const pick: Pick = (count) => (numbers.next().value as number) % count;
          // An admin may change anything, the others' accounts too.
          const query = documentBy(pick, ids, isMutation && kind !== 'an admin' ? 'mutation' : 'query');
          const answer = await ask(app(), query, {}, viewer?.token);
          for (const code of codes(answer).concat(answer.data ? 'data' : [])) seen.set(code, (seen.get(code) ?? 0) + 1);
          expectContract(answer, query);
          // A document that was found good before is not run by Apollo again.
          if (!isMutation || kind === 'an admin') {
            const apolloRan = runByApollo.mock.calls.length;
            const again = await ask(app(), query, {}, viewer?.token);
            if (runByApollo.mock.calls.length === apolloRan) ranDirectly += 1;
            expect([query, again.status, timeless(again.text)]).toEqual([query, answer.status, timeless(answer.text)]);
          }
          if (kind === 'an admin') return;
          const leaked = secrets.filter((secret) => answer.text.includes(secret) && !query.includes(secret));
          if (leaked.length > 0) throw new Error(`${query}\nled to ${leaked} in ${answer.text}`);
        }),
        { seed: SEED, numRuns: RUNS, endOnFailure: true },
      );

      runByApollo.mockRestore();
      expect(ranDirectly).toBeGreaterThan(RUNS / 50);
      // Not all are refused before they run.
      expect(seen.get('data') ?? 0).toBeGreaterThan(RUNS / 50);
    },
  );

  function expectContract({ status, errors, text }: Answer, query: string): void {
    const unknown = errors.filter(
      ({ extensions: { code } }) => code === 'INTERNAL_SERVER_ERROR' || !Object.hasOwn(ERROR_CODES, code),
    );
    const isUnmasked = errors.some(
      ({ message, extensions }) => 'stacktrace' in extensions || /\bat \w+ \(|select |insert /i.test(message),
    );
    if (status < 500 && unknown.length === 0 && !isUnmasked && text.length < 500_100) return;
    throw new Error(`${query}\nwas answered with ${status} ${text.slice(0, 1_000)}`);
  }
});
