// What production keeps to itself: names of the schema that the client did not send. An API of its own in production,
// asked for wrong things of every field.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  type GraphQLInputType,
  getNamedType,
  isInputObjectType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';
import { serverAudits } from 'graphql-http';
import { createSchema } from '../../src/schema.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { ask, codes, member } from '../support/people.js';
import { type ApiProcess, runCommand, startApi } from '../support/processes.js';
import { freePort } from '../support/servers/free-port.js';
import { sharedPostgres } from '../support/servers/postgres.js';

const SCHEMA = createSchema();
const TYPES = Object.values(SCHEMA.getTypeMap()).filter(({ name }) => !name.startsWith('__'));
const ROOTS = [SCHEMA.getQueryType(), SCHEMA.getMutationType()].flatMap((type) => type ?? []);

/** Names that are a letter too short, too long, or another: what a server would suggest the right ones for. */
const near = (name: string) => [name.slice(0, -1), `${name}s`, name.toUpperCase(), `${name[0]}${name}`];

interface Asked {
  query: string;
  variables: Record<string, unknown>;
}

/** Documents that do not fit, for each field and argument of the schema. */
function* wrongDocuments(): Generator<string> {
  for (const root of ROOTS) {
    const kind = root.name.toLowerCase();
    for (const field of Object.values(root.getFields())) {
      const type = getNamedType(field.type);
      const selection = isLeafType(type) ? '' : '{ __typename }';
      for (const name of near(field.name)) yield `${kind} { ${name} }`;
      yield `${kind} { ${field.name} }`;
      yield `${kind} { ${field.name} { nothing } }`;
      yield `${kind} { ${field.name}(nothing: 1) ${selection} }`;
      yield `${kind} { ${field.name} { ... on Nothing { id } } }`;
      yield `${kind} { ${field.name} @nothing ${selection} }`;
      if (isObjectType(type)) {
        for (const inner of Object.keys(type.getFields()))
          for (const name of near(inner)) yield `${kind} { ${field.name} { ${name} } }`;
      }
      for (const argument of field.args) {
        for (const name of near(argument.name)) yield `${kind} { ${field.name}(${name}: 1) ${selection} }`;
        for (const value of ['null', '{}', '[]', '{ nothing: 1 }', 'NOTHING', '"text"', '1.5', 'true'])
          yield `${kind} { ${field.name}(${argument.name}: ${value}) ${selection} }`;
        yield `${kind} ($a: Nothing) { ${field.name}(${argument.name}: $a) ${selection} }`;
        yield `${kind} ($a: Boolean) { ${field.name}(${argument.name}: $a) ${selection} }`;
      }
    }
  }
  for (const { name } of TYPES) for (const other of near(name)) yield `{ ... on ${other} { id } }`;
  yield 'subscription { nothing }';
  yield '{ ...Nothing }';
  yield 'fragment F on Nothing { id } { ...F }';
  yield 'query A { me { id } } query A { me { id } }';
}

/** Variables that do not fit, for each argument. */
function* wrongVariables(): Generator<Asked> {
  for (const root of ROOTS) {
    const kind = root.name.toLowerCase();
    for (const field of Object.values(root.getFields())) {
      const selection = isLeafType(getNamedType(field.type)) ? '' : '{ __typename }';
      for (const argument of field.args) {
        const others = field.args.filter((other) => other !== argument && isRequiredArgument(other));
        if (others.length > 0) continue;
        const query = `${kind} ($a: ${argument.type}) { ${field.name}(${argument.name}: $a) ${selection} }`;
        for (const a of wrongValues(argument.type)) yield { query, variables: { a } };
      }
    }
  }
}

function wrongValues(type: GraphQLInputType): unknown[] {
  const named = getNamedType(type);
  const all: unknown[] = [null, {}, [], 1.5, true, 'NOTHING', '\u0000', { nothing: 1 }, [[{}]]];
  if (!isInputObjectType(named)) return all;
  const fields = Object.keys(named.getFields());
  return [
    ...all,
    ...fields.flatMap((name) => near(name).map((other) => ({ [other]: 1 }))),
    ...fields.flatMap((name) => [null, {}, [], 1.5, 'NOTHING'].map((value) => ({ [name]: value }))),
  ];
}

describeWithServers(['postgres'], 'in production', () => {
  let api: ApiProcess;

  beforeAll(async () => {
    const postgres = await sharedPostgres();
    const env = {
      NODE_ENV: 'production',
      BCRYPT_COST: '10',
      DATABASE_URL: await postgres.createDatabase(),
      // Nothing listens there: both are missed and not needed to serve.
      REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
      AMQP_URL: `amqp://127.0.0.1:${await freePort()}`,
    };
    await runCommand('dist/src/commands/migrate.js', [], env);
    api = await startApi(env);
  });

  afterAll(async () => {
    await api?.kill();
  });

  test('the audits of graphql-http are passed, but for those that need introspection', async () => {
    const fetchFn = (url: string, init: RequestInit = {}) =>
      fetch(url, { ...init, headers: { ...(init.headers as object), 'apollo-require-preflight': '1' } });
    const failed: string[] = [];
    for (const { id, fn } of serverAudits({ url: `${api.url}/graphql`, fetchFn })) {
      if ((await fn()).status !== 'ok') failed.push(id);
    }

    // Each of them asks for `__type`.
    expect(failed.sort()).toEqual(['28B9', '2EA1', '6A70', 'BF61', 'D6D5']);
  });

  test.each(['/graphql', '/nothing', '/health/live', '/.well-known/jwks.json', '/account/account.js'])(
    'an answer of %s has the headers that protect browsers',
    async (path) => {
      const { headers } = await fetch(`${api.url}${path}`);

      expect(Object.fromEntries(headers)).toMatchObject({
        'content-security-policy': "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(headers.get('x-powered-by') ?? headers.get('server')).toBeNull();
    },
  );

  test('a document that does not fit is told so, and nothing else (A4)', async () => {
    const texts = new Set<string>();
    let documents = 0;
    for (const query of wrongDocuments()) {
      documents += 1;
      const { errors, text } = await ask(api, query);
      // Some of them fit, and are denied; those say nothing of the schema.
      if (errors.some(({ extensions }) => extensions.code === 'GRAPHQL_VALIDATION_FAILED')) texts.add(text);
    }

    expect(documents).toBeGreaterThan(500);
    expect([...texts]).toEqual([
      '{"errors":[{"message":"The document does not fit the schema.","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}\n',
    ]);
  });

  test('a variable that does not fit is told by the names that the client sent', async () => {
    const { token } = await member(api);
    const unexpected: unknown[] = [];
    let refused = 0;
    for (const { query, variables } of wrongVariables()) {
      const { errors } = await ask(api, query, variables, token);
      const [error] = errors;
      if (error?.extensions.code !== 'BAD_USER_INPUT') continue;
      refused += 1;
      const issues = (error.extensions.issues ?? []) as { path: string; message: string }[];
      const sent = JSON.stringify([query, variables]);
      const unsent = issues.flatMap(({ path }) => path.split('.')).filter((name) => !sent.includes(name));
      const words = issues.map(({ message }) => message).filter((message) => !OWN_WORDS.test(message));
      if (unsent.length > 0 || words.length > 0) unexpected.push({ query, variables, unsent, words });
    }

    expect(refused).toBeGreaterThan(100);
    expect(unexpected).toEqual([]);
  });

  test.each([
    '{ __schema { types { name } } }',
    '{ __type(name: "User") { fields { name } } }',
    'query Q { a: __schema { queryType { name } } }',
    'fragment F on Query { __schema { types { name } } } { ...F }',
    // GHSA-q5q9-2rhp-33qw, of another server: within an inline fragment it was answered.
    '{ ... { __type(name: "User") { name } } }',
    '{ me { id } ... on Query { ... @include(if: true) { t: __type(name: "User") { name } } } }',
    'query ($name: String = "User") { __type(name: $name) { name } }',
    'mutation { __schema { types { name } } }',
    '{ __schema @skip(if: true) { types { name } } }',
  ])('%s is refused like a field that is not there', async (query) => {
    const answer = await ask(api, query);

    expect([codes(answer), answer.data]).toEqual([['GRAPHQL_VALIDATION_FAILED'], undefined]);
  });
});

/** Of values, and of no name. */
const OWN_WORDS =
  /^(must not be null|does not fit its type|must be an? (text|e-mail address|date|time|number|list)\b.*|must have .*(characters|items|digits|levels|fields).*|must not .*(characters|items|levels|null).*)/;
