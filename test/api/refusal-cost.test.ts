// The work and the size of a refusal are bounded; requests beyond each limit are sent, and their answers are measured
// in bytes.

import { describe, expect, test } from '@jest/globals';
import { ERROR_CODES } from '../../src/errors.js';
import { INPUT_LIMITS } from '../../src/graphql/input-bounds.js';
import { describeApi, type TestApp } from '../support/app.js';
import { admin } from '../support/people.js';
import { REFUSED_REQUESTS } from '../support/refused-requests.js';

const FILTER = 'query ($f: UserFilter) { users(filter: $f) { totalCount } }';
const MAX_ANSWER_BYTES = 10_000;
const many = (count: number, text: string, separator = ',') => Array(count).fill(text).join(separator);

interface Refusal {
  data?: unknown;
  errors?: { message: string; locations?: object[]; extensions: { code: string; issues?: object[] } }[];
}

describeApi('the cost of a refusal is bounded (A3)', (app) => {
  // What stands below asserts sizes and counts; `npm run bench:refusal` measures the time.
  const post = async (body: string, token?: string) => {
    const response = await send(app(), body, token);
    const text = await response.text();
    return { status: response.status, bytes: text.length, ...(JSON.parse(text) as Refusal) };
  };
  const users = async (filter: string) => {
    const { token } = await admin(app());
    return post(JSON.stringify({ query: `{ users(filter: ${filter}) { totalCount } }` }), token);
  };
  const usersBy = async (variables: string, query = FILTER) => {
    const { token } = await admin(app());
    return post(`{"query":${JSON.stringify(query)},"variables":${variables}}`, token);
  };

  test.each(Object.entries(REFUSED_REQUESTS))('for %s', async (_, body) => {
    const { status, bytes, errors = [] } = await post(body);

    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(bytes).toBeLessThan(MAX_ANSWER_BYTES);
    // One more says that there are more.
    expect(errors.length).toBeLessThanOrEqual(21);
    for (const { locations = [], extensions } of errors) {
      expect(Object.keys(ERROR_CODES)).toContain(extensions.code);
      expect(extensions.issues?.length ?? 0).toBeLessThanOrEqual(20);
      expect(locations.length).toBeLessThanOrEqual(40);
    }
    expect(app().logged()).not.toContain('unexpected error');
  });

  describe('by the limits of variables:', () => {
    const { items, levels, fields, values, characters } = INPUT_LIMITS;
    const nested = (count: number) => `${'{"not":'.repeat(count)}null${'}'.repeat(count)}`;
    const keys = (count: number) => Array.from({ length: count }, (_, at) => `"k${at}":1`).join(',');
    // The filter and its two lists are 3 values; an item of `and` with its list of eight is 10.
    const valuesOf = (inOr: number) => `{"and":[${many(46, `{"or":[${many(8, '1')}]}`)}],"or":[${many(inOr, '1')}]}`;

    test.each([
      ['items of a list', `{"or":[${many(items + 1, '{}')}]}`, 'f.or must have at most 50 items'],
      ['items of a list of wrong values', `{"or":[${many(items + 1, '1')}]}`, 'f.or must have at most 50 items'],
      ['items of a list where none belongs', `{"role":[${many(items + 1, '1')}]}`, 'f.role must have at most 50 items'],
      ['fields of an object', `{${keys(fields + 1)}}`, 'f has more than 100 fields'],
      ['characters of a text', `{"search":"${'x'.repeat(characters + 1)}"}`, 'f.search has more than 10000 characters'],
      ['levels', nested(levels + 1), /^f has more than 32 levels$/],
      ['values', valuesOf(values - 462), /^f(\.\w+)+ is more than the 500 values that a request may have$/],
    ])('one more than the %s', async (_, filter, message) => {
      const { status, errors } = await usersBy(`{"f":${filter}}`);

      expect(status).toBe(400);
      expect(errors).toEqual([
        expect.objectContaining({
          message: expect.stringMatching(message),
          extensions: expect.objectContaining({ code: 'BAD_USER_INPUT', issues: [expect.anything()] }),
        }),
      ]);
    });

    test.each([
      ['items of a list', `{"or":[${many(items, '{}')}]}`],
      ['characters of a text', `{"search":"${'x'.repeat(100)}"}`],
    ])('as many as the %s are taken', async (_, filter) => {
      const { status, data } = await usersBy(`{"f":${filter}}`);

      expect([status, data]).toEqual([200, { users: { totalCount: expect.any(Number) } }]);
    });

    test.each([
      ['fields of an object', `{${keys(fields)}}`, /must not have the field k0/],
      ['characters of a text', `{"search":"${'x'.repeat(characters)}"}`, /at most 100 characters/],
      ['levels', nested(levels), /more than 5 levels/],
    ])('as many as the %s come to the next check', async (_, filter, message) => {
      const { errors } = await usersBy(`{"f":${filter}}`);

      expect(errors?.[0]?.message).toMatch(message);
    });

    test('values are counted over all variables of the request', async () => {
      const query = `query ($a: [UserFilter!] $b: [UserFilter!] $c: [UserFilter!] $d: [UserFilter!]) {
        users(filter: {and: $a, or: $b, not: {and: $c, or: $d}}) { totalCount }
      }`;
      // Three lists of 151 values, and one of 47 or 48.
      const list = `[${many(50, '{"role":"ADMIN","isActive":true}')}]`;
      const variables = (items: number) => `{"a":${list},"b":${list},"c":${list},"d":[${many(items, '{}')}]}`;

      const most = await usersBy(variables(46), query);
      const oneMore = await usersBy(variables(47), query);

      expect(most.errors?.[0]?.message).toMatch(/more than 50 conditions/);
      expect(oneMore.errors?.[0]?.message).toMatch(/^d\.\d+ is more than the 500 values/);
    });
  });

  describe('by the limits of the document:', () => {
    test.each([
      ['items of a list', `{or: [${many(51, '{}')}]}`, '{or: [{}]}'],
      ['items of a list in a list', `{or: [{and: [${many(51, '{}')}]}]}`, '{or: [{and: [{}]}]}'],
    ])('one more than the %s', async (_, tooMany, fits) => {
      const refused = await users(tooMany);
      const taken = await users(fits);

      expect(refused).toMatchObject({
        status: 400,
        errors: [
          {
            message: expect.stringContaining('must have at most 50 items at line 1'),
            extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
          },
        ],
      });
      expect(taken).toMatchObject({ status: 200, data: { users: {} } });
    });

    test('50 items of a list are taken', async () => {
      expect(await users(`{or: [${many(50, '{}')}]}`)).toMatchObject({ status: 200, data: { users: {} } });
    });

    test('a list in a default has as many', async () => {
      const query = (count: number) =>
        `query ($f: UserFilter = {or: [${many(count, '{}')}]}) { users(filter: $f) { totalCount } }`;

      expect(await usersBy('{}', query(50))).toMatchObject({ status: 200, data: { users: {} } });
      expect(await usersBy('{}', query(51))).toMatchObject({
        status: 400,
        errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }],
      });
    });

    test.each(['\n', '\r', '\r\n'])('lines that end with %j', async (end) => {
      const query = (lines: number) => JSON.stringify({ query: `{ __typename${end.repeat(lines - 1)}}` });

      expect(await post(query(4_000))).toMatchObject({ status: 200, data: { __typename: 'Query' } });
      expect(await post(query(4_001))).toMatchObject({
        status: 400,
        errors: [
          { message: 'The document has more than 4000 lines.', extensions: { code: 'TOO_MANY_LINES', limit: 4_000 } },
        ],
      });
    });

    test('tokens', async () => {
      const query = (tokens: number) => JSON.stringify({ query: `{${many(tokens - 2, ' __typename', '')} }` });

      expect(await post(query(300))).toMatchObject({ status: 200, data: { __typename: 'Query' } });
      expect(await post(query(1_001))).toMatchObject({
        status: 400,
        errors: [
          { message: 'The document has more than 1000 tokens.', extensions: { code: 'TOO_MANY_TOKENS', limit: 1_000 } },
        ],
      });
    });
  });
});

const send = ({ url }: TestApp, body: string, token?: string) =>
  fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body,
  });
