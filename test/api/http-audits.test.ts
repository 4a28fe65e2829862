// GraphQL over HTTP by the public audits of graphql-http, and as a table of who may send what how.

import { describe, expect, test } from '@jest/globals';
import { serverAudits } from 'graphql-http';
import { describeApi, type TestApp } from '../support/app.js';

/** Over GET, Apollo's rule against forged requests wants a header that forms and links cannot send. */
const fetchFn = (url: string, init: RequestInit = {}) =>
  fetch(url, { ...init, headers: { ...(init.headers as object), 'apollo-require-preflight': '1' } });

async function audit({ url }: TestApp): Promise<Record<string, string>> {
  const failed: Record<string, string> = {};
  const audits = serverAudits({ url: `${url}/graphql`, fetchFn });
  expect(audits).toHaveLength(61);
  for (const { id, name, fn } of audits) {
    const { status, ...rest } = await fn();
    if (status !== 'ok') failed[id] = `${status}: ${name}: ${'reason' in rest ? rest.reason : ''}`;
  }
  return failed;
}

describeApi('the audits of graphql-http', (app) => {
  test('are all passed', async () => {
    expect(await audit(app())).toEqual({});
  });
});

const ORIGIN = 'https://app.example.com';
const QUERY = '{ __typename }';

describeApi(
  'requests of pages',
  (app) => {
    const send = async (
      method: string,
      contentType: string | null,
      headers: Record<string, string> = {},
      query = QUERY,
    ) => {
      const byGet = method === 'GET';
      const body = contentType?.includes('form') ? `query=${encodeURIComponent(query)}` : JSON.stringify({ query });
      const response = await fetch(`${app().url}/graphql${byGet ? `?query=${encodeURIComponent(query)}` : ''}`, {
        method,
        headers: { ...(contentType && { 'content-type': contentType }), ...headers },
        // Without a class that names a type of its own.
        ...(!byGet && { body: Buffer.from(body) }),
      });
      return { status: response.status, allowed: response.headers.get('access-control-allow-origin') };
    };

    /** What a page can send without asking first (Fetch, CORS-safelisted), and what it must ask for. */
    test.each([
      ['GET', null, {}, 400],
      ['GET', null, { 'apollo-require-preflight': '1' }, 200],
      ['GET', null, { 'x-apollo-operation-name': 'Q' }, 200],
      ['GET', null, { 'apollo-require-preflight': '' }, 400],
      ['GET', null, { 'x-other': '1' }, 400],
      ['GET', 'application/json', {}, 200],
      ['GET', 'text/plain', {}, 400],
      ['GET', 'application/x-www-form-urlencoded', {}, 400],
      ['GET', 'multipart/form-data', {}, 400],
      ['POST', 'application/json', {}, 200],
      ['POST', 'application/json; charset=utf-8', {}, 200],
      ['POST', 'application/json; charset="UTF8"; profile=x', {}, 200],
      ['POST', 'application/json; charset=utf-16', {}, 415],
      ['POST', 'application/json; charset=utf-32le', {}, 415],
      ['POST', 'application/json;profile=x;CHARSET = "utf-7"', {}, 415],
      ['POST', 'application/json; charset=iso-8859-1', {}, 415],
      ['POST', 'application/json; charset=', {}, 415],
      ['POST', 'application/json', { 'content-encoding': 'gzip' }, 415],
      ['POST', 'application/json', { 'content-encoding': 'identity' }, 200],
      ['POST', 'text/plain', {}, 415],
      ['POST', 'text/plain', { 'apollo-require-preflight': '1' }, 415],
      ['POST', 'text/plain; application/json', {}, 415],
      ['POST', 'application/x-www-form-urlencoded', {}, 415],
      ['POST', 'application/x-www-form-urlencoded', { 'apollo-require-preflight': '1' }, 415],
      ['POST', 'multipart/form-data; boundary=x', {}, 415],
      ['POST', null, {}, 415],
      ['PUT', 'application/json', {}, 405],
      ['DELETE', 'application/json', {}, 405],
      ['PATCH', 'application/json', {}, 405],
    ] as [string, string | null, Record<string, string>, number][])(
      '%s with the type %s and the headers %j is answered with %i (A5)',
      async (method, contentType, headers, status) => {
        expect(await send(method, contentType, headers)).toMatchObject({ status });
      },
    );

    test.each([
      ['a mutation', 'mutation { logout { sessionsEnded } }'],
      ['a named mutation beside a query', 'mutation M { logout { sessionsEnded } }'],
    ])('%s by GET is refused, whatever the headers (A6)', async (_, query) => {
      const { status } = await send('GET', 'application/json', { 'apollo-require-preflight': '1' }, query);

      expect(status).toBe(405);
    });

    test.each([
      [ORIGIN, ORIGIN],
      ['https://evil.example', null],
      ['https://app.example.com.evil.example', null],
      ['http://app.example.com', null],
      ['https://app.example.com:8443', null],
      ['null', null],
      ['*', null],
    ])('the origin %s is answered with %s', async (origin, allowed) => {
      expect(await send('POST', 'application/json', { origin })).toEqual({ status: 200, allowed });
      const preflight = await fetch(`${app().url}/graphql`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get('access-control-allow-origin')).toBe(allowed);
      expect(preflight.headers.get('access-control-allow-credentials')).toBeNull();
    });
  },
  {},
  { CORS_ORIGINS: ORIGIN },
);

describe('the status of a request that cannot be run', () => {
  describeApi('depends on what the client takes', (app) => {
    const statusFor = async (accept: string | null, body: object) => {
      const response = await fetch(`${app().url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(accept !== null && { accept }) },
        body: JSON.stringify(body),
      });
      return [response.status, response.headers.get('content-type')?.split(';')[0]];
    };
    const many = `{ ${Array.from({ length: 20 }, (_, index) => `a${index}: __typename`).join(' ')} }`;

    test.each([
      ['a document that is no GraphQL', { query: '{' }],
      ['a document that does not fit', { query: '{ nothing }' }],
      ['a variable that does not fit', { query: 'query ($a: ID!) { user(id: $a) { id } }', variables: { a: {} } }],
      ['too many aliases', { query: many }],
      ['too many fragments', { query: 'fragment F on User { id } '.repeat(51) }],
    ])('%s: 400, and 200 for clients that know only application/json', async (_, body) => {
      expect(await statusFor(null, body)).toEqual([400, 'application/json']);
      expect(await statusFor('*/*', body)).toEqual([400, 'application/json']);
      expect(await statusFor('application/json', body)).toEqual([200, 'application/json']);
      for (const accept of [
        'application/graphql-response+json',
        'application/graphql-response+json, application/json;q=0.9',
      ])
        expect(await statusFor(accept, body)).toEqual([400, 'application/graphql-response+json']);
    });

    test.each([
      ['no document', {}],
      ['a batch', [{ query: '{ __typename }' }]],
      ['variables that are none', { query: '{ __typename }', variables: 7 }],
      ['a hash that is none', { documentId: 'x' }],
    ])('%s: 400 for all', async (_, body) => {
      for (const accept of [null, '*/*', 'application/json', 'application/graphql-response+json'])
        expect((await statusFor(accept, body))[0]).toBe(400);
    });
  });
});
