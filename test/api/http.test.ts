// The HTTP server guards what it serves, and says when it is ready; its routes are asked as clients and browsers ask.

import { describe, expect, test } from '@jest/globals';
import { describeApi } from '../support/app.js';

describeApi(
  'the HTTP door',
  (app) => {
    const send = (init: RequestInit & { path?: string } = {}) => fetch(`${app().url}${init.path ?? '/graphql'}`, init);
    const post = (body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
      send({ method: 'POST', headers, body });
    const code = async (response: Response) => {
      const text = await response.text();
      expect(response.headers.get('content-type')).toMatch(/^application\/(graphql-response\+)?json/);
      expect(text).not.toMatch(/node_modules|\bat .+:\d+:\d+|<html/);
      return [response.status, JSON.parse(text).errors[0].extensions.code];
    };

    test.each<[string, string, Record<string, string>, number]>([
      ['a body over 100 kB', JSON.stringify({ query: `{ __typename } # ${'x'.repeat(100_000)}` }), {}, 413],
      ['bad JSON', '{ nope', {}, 400],
      ['an empty body', '', {}, 400],
      ['JSON that is no request', '[]', {}, 400],
      ['a form', 'query=%7B__typename%7D', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
      ['plain text', '{ __typename }', { 'content-type': 'text/plain' }, 415],
      ['no content type', new Uint8Array([123]) as unknown as string, { 'content-type': '' }, 415],
      ['a document that is none', JSON.stringify({ query: '{ hunter2(' }), {}, 400],
      ['an unknown field', JSON.stringify({ query: '{ nothing }' }), {}, 400],
      ['an operation that is not there', JSON.stringify({ query: '{ __typename }', operationName: 'No' }), {}, 400],
      ['a batch', JSON.stringify([{ query: '{ __typename }' }]), {}, 400],
      ['a document of 3,000 levels', JSON.stringify({ query: `${'{a'.repeat(3000)}${'}'.repeat(3000)}` }), {}, 400],
    ])('answers %s with JSON', async (_, body, headers, status) => {
      const response = await post(body, { 'content-type': 'application/json', ...headers });

      const [answered, errorCode] = await code(response);
      expect(answered).toBe(status);
      expect(errorCode).toMatch(
        /^(BAD_REQUEST|BODY_TOO_LARGE|GRAPHQL_PARSE_FAILED|GRAPHQL_VALIDATION_FAILED|TOO_MANY_TOKENS)$/,
      );
    });

    test('answers input that does not fit with its place, and not its value', async () => {
      const login = 'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }';
      const send = async (query: string, input?: unknown) => {
        const response = await post(JSON.stringify({ query, variables: { input } }));
        const { errors } = (await response.json()) as { errors: { message: string; extensions: object }[] };
        return [response.status, errors[0]?.message, errors[0]?.extensions];
      };
      const issue = (path: string, message: string) => [
        400,
        `${path} ${message}`,
        { code: 'BAD_USER_INPUT', issues: [{ path, message }] },
      ];
      const invalid = { code: 'GRAPHQL_VALIDATION_FAILED' };

      expect(await send(login)).toEqual(issue('input', 'must not be null'));
      expect(await send(login, { email: 'a@b.co' })).toEqual(issue('input', 'must have the field password'));
      expect(await send(login, { email: 'a@b.co', password: 12 })).toEqual(issue('input.password', 'must be a String'));
      expect(await send(login, { email: 'a@b.co', password: 'x', p: 1 })).toEqual(
        issue('input', 'must not have the field p: LoginInput has none'),
      );
      expect(await send(login, { email: 'hunter2', password: 'x' })).toEqual(
        issue('input.email', 'must be an e-mail address of at most 254 characters'),
      );
      expect(await send('mutation { login(input: { email: "hunter2", password: "x" }) { accessToken } }')).toEqual([
        400,
        'login.input.email must be an e-mail address of at most 254 characters at line 1, column 34.',
        invalid,
      ]);
      expect(await send('mutation { login(input: { email: "a@b.co", password: 12 }) { accessToken } }')).toEqual([
        400,
        'login.input.password does not fit its type at line 1, column 54.',
        invalid,
      ]);
      expect(await send('mutation { login(input: { email: "a@b.co" }) { accessToken } }')).toEqual([
        400,
        'Field "LoginInput.password" of required type "String!" was not provided.',
        invalid,
      ]);
    });

    test('answers a path that is not there with JSON', async () => {
      expect(await code(await send({ path: '/admin' }))).toEqual([404, 'BAD_REQUEST']);
    });

    test('reads by GET only with a header that no plain link can send, and writes never', async () => {
      const query = (text: string) => `/graphql?query=${encodeURIComponent(text)}`;
      const headers = { 'apollo-require-preflight': '1' };

      const link = await send({ path: query('{ __typename }') });
      const flagged = await send({ path: query('{ __typename }'), headers });
      const write = await send({ path: query('mutation { deleteUser(id: "x") { id } }'), headers });

      expect(await code(link)).toEqual([400, 'BAD_REQUEST']);
      expect(await flagged.json()).toEqual({ data: { __typename: 'Query' } });
      expect(write.status).toBe(405);
    });

    test('names each request, and takes no name for it from a client', async () => {
      const own = await send({ path: '/health/live' });
      const forged = await send({ path: '/health/live', headers: { 'x-request-id': 'forged' } });

      expect(own.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
      expect(forged.headers.get('x-request-id')).not.toBe('forged');
    });

    test('lets Sandbox in from its origin, and no other one', async () => {
      const preflight = (origin: string) =>
        send({ method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } });

      const sandbox = await preflight('https://studio.apollographql.com');
      const stranger = await preflight('https://evil.example');

      expect(sandbox.headers.get('access-control-allow-origin')).toBe('https://studio.apollographql.com');
      expect(stranger.headers.get('access-control-allow-origin')).toBeNull();
      expect(sandbox.headers.get('access-control-allow-credentials')).toBeNull();
    });

    test('sends the headers that protect browsers', async () => {
      const { headers } = await send({ path: '/health/live' });

      expect(headers.get('x-content-type-options')).toBe('nosniff');
      // RFC 6797, 7.2: never without HTTPS, which this suite's PUBLIC_URL has not.
      expect(headers.get('strict-transport-security')).toBeNull();
      expect(headers.get('x-powered-by')).toBeNull();
    });

    test('shows Sandbox to a browser, with the examples in it', async () => {
      const page = await (await send({ headers: { accept: 'text/html' } })).text();

      expect(page).toContain('embeddable-sandbox');
      expect(page).toContain('mutation Register');
    });

    test('is ready when its parts are', async () => {
      const response = await send({ path: '/health/ready' });

      expect([response.status, await response.json()]).toEqual([
        200,
        { status: 'ready', database: 'up', migrations: 'done', cache: 'up', events: 'up' },
      ]);
    });

    test('answers persisted queries by their hash', async () => {
      const query = '{ __typename me { id } }';
      const { createHash } = await import('node:crypto');
      const extensions = {
        persistedQuery: { version: 1, sha256Hash: createHash('sha256').update(query).digest('hex') },
      };

      const unknown = await (await post(JSON.stringify({ extensions }))).json();
      const registered = await (await post(JSON.stringify({ query, extensions }))).json();
      const known = await (await post(JSON.stringify({ extensions }))).json();

      expect(unknown).toMatchObject({ errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }] });
      expect([registered, known]).toEqual([
        { data: { __typename: 'Query', me: null } },
        { data: { __typename: 'Query', me: null } },
      ]);
    });
  },
  { examples: 'mutation Register { __typename }' },
);

describe.each([
  [undefined, 'max-age=31536000'],
  ['subdomains', 'max-age=31536000; includeSubDomains'],
  ['preload', 'max-age=31536000; includeSubDomains; preload'],
  ['off', null],
])('HSTS=%s with HTTPS', (HSTS, expected) => {
  describeApi(
    'tells browsers',
    (app) => {
      test(String(expected), async () => {
        const { headers } = await fetch(`${app().url}/health/live`);

        expect(headers.get('strict-transport-security')).toBe(expected);
      });
    },
    {},
    { PUBLIC_URL: 'https://id.example.com', ...(HSTS && { HSTS }) },
  );
});
