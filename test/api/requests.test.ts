// Depth, subscriptions and operation names are handled as the GraphQL and HTTP specifications say; such requests are
// sent.

import { describe, expect, test } from '@jest/globals';
import { describeApi } from '../support/app.js';

const FILTER = 'query ($f: UserFilter) { users(filter: $f) { totalCount } }';
const nested = (levels: number, open: string, close: string) => `${open.repeat(levels)}null${close.repeat(levels)}`;
const cycle = Array.from(
  { length: 140 },
  (_, at) => `fragment F${at} on Query { ...F${(at + 1) % 140} ...F${(at + 2) % 140} }`,
);

describeApi('a request', (app) => {
  const answered = async (response: Response) => {
    const { data, errors } = (await response.json()) as {
      data?: unknown;
      errors?: { message: string; extensions: { code: string } }[];
    };
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    return [response.status, errors?.[0]?.extensions.code ?? data, errors?.[0]?.message];
  };
  const post = async (body: string) =>
    answered(
      await fetch(`${app().url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body }),
    );
  const get = async (search: Record<string, string>) =>
    answered(
      await fetch(`${app().url}/graphql?${new URLSearchParams(search)}`, {
        headers: { 'apollo-require-preflight': '1' },
      }),
    );
  const TYPENAME = { __typename: 'Query' };

  describe('of too many levels is refused before they are walked:', () => {
    test.each([
      ['lists in a variable', nested(12_000, '[', ']')],
      ['objects in a variable', nested(12_000, '{"not":', '}')],
      ['both in turn', nested(6_000, '[{"and":', '}]')],
      ['levels below a wrong key', `{"nothing":${nested(12_000, '[', ']')}}`],
    ])('%s', async (_, f) => {
      expect(await post(`{"query":"${FILTER}","variables":{"f":${f}}}`)).toEqual([
        400,
        'BAD_USER_INPUT',
        'f has more than 32 levels',
      ]);
    });

    test('extensions', async () => {
      const body = `{"query":"{ __typename }","extensions":${nested(12_000, '{"a":', '}')}}`;

      expect(await post(body)).toEqual([400, 'BAD_USER_INPUT', 'extensions has more than 32 levels']);
    });

    test('variables of a GET', async () => {
      const variables = `{"f":${nested(2_000, '[', ']')}}`;

      expect(await get({ query: FILTER, variables })).toEqual([400, 'BAD_USER_INPUT', 'f has more than 32 levels']);
    });

    test.each([
      [
        'lists in the document',
        `{ users(filter: ${nested(480, '[', ']')}) { totalCount } }`,
        'GRAPHQL_VALIDATION_FAILED',
      ],
      ['lists that are not closed', `{ users(filter: ${'['.repeat(990)}`, 'GRAPHQL_PARSE_FAILED'],
      [
        'lists in a type',
        `query ($a: ${'['.repeat(480)}Int${']'.repeat(480)}) { __typename }`,
        'GRAPHQL_VALIDATION_FAILED',
      ],
      ['selections', `{ ${'me {'.repeat(330)} id ${'}'.repeat(330)} }`, 'GRAPHQL_VALIDATION_FAILED'],
      ['fragments that lead to one another', `{ ...F0 } ${cycle.join(' ')}`, 'TOO_MANY_FRAGMENTS'],
      ['tokens', `{ ${'a '.repeat(2_000)} }`, 'TOO_MANY_TOKENS'],
    ])('%s', async (_, query, code) => {
      const [status, given] = await post(JSON.stringify({ query }));

      expect([status, given]).toEqual([400, code]);
      expect(app().logged()).not.toContain('Maximum call stack');
    });

    test('what nobody looks at may have any depth', async () => {
      const body = `{"query":"{ __typename }","other":${nested(12_000, '[', ']')},"variables":{"o":${nested(12_000, '[', ']')}}}`;

      expect(await post(body)).toEqual([200, TYPENAME, undefined]);
    });
  });

  test.each(['subscription { anything }', 'subscription S { __typename }', '{ __typename } subscription S { a }'])(
    'with %s is refused as one that the schema does not have',
    async (query) => {
      const answers = [await post(JSON.stringify({ query })), await get({ query })];

      expect(answers.map(([status, code]) => [status, code])).toEqual(
        Array(2).fill([400, 'GRAPHQL_VALIDATION_FAILED']),
      );
      expect(app().logged()).not.toContain('unexpected error');
    },
  );

  test.each([
    ['an empty name', '"operationName":""', 200, TYPENAME],
    ['no name', '"operationName":null', 200, TYPENAME],
    ['a name that nothing has', '"operationName":"c4n4ry"', 400, 'BAD_REQUEST'],
    ['a name of an object', '"operationName":"constructor"', 400, 'BAD_REQUEST'],
    ['a name that is a number', '"operationName":5', 400, 'BAD_REQUEST'],
    ['a name that is a list', '"operationName":[""]', 400, 'BAD_REQUEST'],
    ['no variables', '"variables":null', 200, TYPENAME],
    ['variables that are a list', '"variables":[]', 400, 'BAD_REQUEST'],
    ['variables that are a text', '"variables":"{}"', 400, 'BAD_REQUEST'],
    ['variables that are a number', '"variables":5', 400, 'BAD_REQUEST'],
    ['extensions that are a list', '"extensions":[]', 400, 'BAD_REQUEST'],
    ['extensions that are a text', '"extensions":""', 400, 'BAD_REQUEST'],
    ['a persisted query of no version', '"extensions":{"persistedQuery":{}}', 400, 'BAD_REQUEST'],
    [
      'a hash of another document',
      '"extensions":{"persistedQuery":{"version":1,"sha256Hash":"c4n4ry"}}',
      400,
      'BAD_REQUEST',
    ],
  ])('with %s is taken or refused as the request that it is', async (_, field, status, answer) => {
    const [answeredStatus, data, message] = await post(`{"query":"{ __typename }",${field}}`);

    expect([answeredStatus, data]).toEqual([status, answer]);
    expect(message ?? '').not.toContain('c4n4ry');
  });

  test('with an empty name is taken also where it is a GET', async () => {
    expect(await get({ query: 'query A { __typename }', operationName: '' })).toEqual([200, TYPENAME, undefined]);
    expect(await get({ query: '{ __typename }', operationName: 'B' })).toMatchObject([
      400,
      'BAD_REQUEST',
      expect.any(String),
    ]);
  });

  test('with an empty name and two operations does not say which one', async () => {
    const body = JSON.stringify({ query: 'query A { __typename } query B { __typename }', operationName: '' });

    expect((await post(body)).slice(0, 2)).toEqual([400, 'BAD_REQUEST']);
  });

  test.each(
    ['null', '5', '"{ __typename }"', '[]', '[null]', '{}', '{"query":5}', '{"query":null}', '{"query":""}'].concat(
      '{"query":["{ __typename }"]}',
      '{"query":{"kind":"Document"}}',
      '{"__proto__":{"query":"{ __typename }"}}',
      nested(40_000, '[', ']'),
    ),
  )('whose body is %.40s is none', async (body) => {
    expect((await post(body)).slice(0, 2)).toEqual([400, 'BAD_REQUEST']);
  });
});
