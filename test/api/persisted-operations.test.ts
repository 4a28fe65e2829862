// A request may name its document by a hash, in each of the ways that clients and the appendix of GraphQL over HTTP
// know; real clients are among those who ask.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { describe, expect, test } from '@jest/globals';
import { fetchExchange, Client as UrqlClient } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import { GraphQLClient } from 'graphql-request';
import { ManifestError, readManifest } from '../../src/graphql/manifest.js';
import { createSchema } from '../../src/schema.js';
import { describeApi, type TestApp } from '../support/app.js';
import { temporaryFolder } from '../support/once-per-run.js';
import { type Answer, admin, answerOf, ask, codes, LOGIN, member, REGISTER } from '../support/people.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const md5 = (text: string) => createHash('md5').update(text).digest('hex');

let made = 0;
/** A query that no client has sent before. */
const freshQuery = () => {
  made += 1;
  return `query Fresh${made} { me { id } }`;
};

const persisted = (hash: unknown, version: unknown = 1) => ({ persistedQuery: { version, sha256Hash: hash } });

interface Sent {
  token?: string;
  headers?: Record<string, string>;
}

const post = async (app: TestApp, body: object, { token, headers }: Sent = {}) =>
  answerOf(
    await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }), ...headers },
      body: JSON.stringify(body),
    }),
  );

const get = async (app: TestApp, parameters: Record<string, string>, { token, headers }: Sent = {}) =>
  answerOf(
    await fetch(`${app.url}/graphql?${new URLSearchParams(parameters)}`, {
      headers: { 'apollo-require-preflight': '1', ...(token && { authorization: `Bearer ${token}` }), ...headers },
    }),
  );

/** The ways to name a document, by POST and GET. */
const WAYS: Record<string, (app: TestApp, hash: string, sent: Sent, query?: string) => Promise<Answer>> = {
  'extensions.persistedQuery by POST': (app, hash, sent, query) =>
    post(app, { query, extensions: persisted(hash) }, sent),
  'extensions.persistedQuery by GET': (app, hash, sent, query) =>
    get(app, { ...(query && { query }), extensions: JSON.stringify(persisted(hash)) }, sent),
  'documentId by POST': (app, hash, sent, query) => post(app, { query, documentId: `sha256:${hash}` }, sent),
  'documentId by GET': (app, hash, sent, query) =>
    get(app, { ...(query && { query }), documentId: `sha256:${hash}` }, sent),
  'documentId without its prefix': (app, hash, sent, query) => post(app, { query, documentId: hash }, sent),
  'documentId in capitals': (app, hash, sent, query) =>
    post(app, { query, documentId: `SHA256:${hash.toUpperCase()}` }, sent),
  'both, which are the same': (app, hash, sent, query) =>
    post(app, { query, documentId: `sha256:${hash}`, extensions: persisted(hash) }, sent),
};

describeApi('documents by their hash', (app) => {
  test.each(Object.entries(WAYS))('%s: not known, then registered, then run', async (_, way) => {
    const ada = await member(app());
    const query = freshQuery();
    const [hash, sent] = [sha256(query), { token: ada.token }];

    const miss = await way(app(), hash, sent);
    const registered = await way(app(), hash, sent, query);
    const hit = await way(app(), hash, sent);

    expect([miss.status, codes(miss), miss.errors[0]?.message]).toEqual([
      200,
      ['PERSISTED_QUERY_NOT_FOUND'],
      'PersistedQueryNotFound',
    ]);
    expect(miss.headers.get('cache-control')).toBe('no-store');
    expect([registered.data, hit.data]).toEqual([{ me: { id: ada.id } }, { me: { id: ada.id } }]);
    expect(hit.headers.get('cache-control')).toBe('no-store');
  });

  test('variables, the name of an operation and other extensions come with them', async () => {
    const ada = await member(app());
    const query = 'query Mine($id: ID!) { user(id: $id) { id } } query Other { me { name } }';
    const hash = sha256(query);
    await post(app(), { query, extensions: persisted(hash), operationName: 'Other' }, ada);

    const byPost = await post(
      app(),
      { documentId: `sha256:${hash}`, operationName: 'Mine', variables: { id: ada.id }, extensions: { other: 1 } },
      ada,
    );
    const byGet = await get(
      app(),
      { documentId: `sha256:${hash}`, operationName: 'Mine', variables: JSON.stringify({ id: ada.id }) },
      ada,
    );

    expect([byPost.data, byGet.data]).toEqual([{ user: { id: ada.id } }, { user: { id: ada.id } }]);
  });

  test.each([
    ['another hash', () => ({ query: freshQuery(), extensions: persisted('a'.repeat(64)) })],
    ['another documentId', () => ({ query: freshQuery(), documentId: `sha256:${'a'.repeat(64)}` })],
    ['two hashes', () => ({ documentId: `sha256:${'a'.repeat(64)}`, extensions: persisted('b'.repeat(64)) })],
    ['a hash that is none', () => ({ extensions: persisted('abc') })],
    ['a hash that is a number', () => ({ extensions: persisted(7) })],
    ['a hash that is a list', () => ({ extensions: persisted(['a'.repeat(64)]) })],
    ['no hash', () => ({ extensions: { persistedQuery: { version: 1 } } })],
    ['another version', () => ({ extensions: persisted('a'.repeat(64), 2) })],
    ['a persistedQuery that is a text', () => ({ extensions: { persistedQuery: 'a'.repeat(64) } })],
    ['a documentId that is a number', () => ({ documentId: 7 })],
    ['a documentId that is empty', () => ({ documentId: '' })],
    ['a documentId with another prefix', () => ({ documentId: `md5:${'a'.repeat(32)}` })],
    ['a documentId that is too long', () => ({ documentId: `sha256:${'a'.repeat(65)}` })],
    ['MD5', () => ({ documentId: 'a'.repeat(32) })],
    [
      'MD5 and its document',
      () => {
        const query = freshQuery();
        return { query, documentId: md5(query) };
      },
    ],
    ['__proto__', () => JSON.parse('{"documentId":{"__proto__":"x"}}')],
  ])('%s is refused, and echoed by nothing', async (_, body) => {
    const answer = await post(app(), body());

    expect([answer.status, codes(answer)]).toEqual([400, ['BAD_REQUEST']]);
    expect(answer.text).not.toMatch(/aaaa|bbbb/);
  });

  test.each([
    ['that does not fit the schema', 'query Fresh { nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['that is no GraphQL', 'query Fresh {', 'GRAPHQL_PARSE_FAILED'],
    ['of many tokens', `{ ${'__typename '.repeat(1_001)} }`, 'TOO_MANY_TOKENS'],
  ])('a document %s is not kept', async (_, query, code) => {
    const hash = sha256(query);

    expect(codes(await post(app(), { query, extensions: persisted(hash) }))).toEqual([code]);
    expect(codes(await post(app(), { extensions: persisted(hash) }))).toEqual(['PERSISTED_QUERY_NOT_FOUND']);
  });

  test('a document that is too long to be kept runs', async () => {
    const query = `{ __typename } #${'x'.repeat(20_000)}`;
    const hash = sha256(query);

    expect((await post(app(), { query, extensions: persisted(hash) })).data).toEqual({ __typename: 'Query' });
    expect(codes(await post(app(), { extensions: persisted(hash) }))).toEqual(['PERSISTED_QUERY_NOT_FOUND']);
  });

  test('a mutation by GET is refused, also by its hash (A6)', async () => {
    const query = 'mutation Out { logout { sessionsEnded } }';
    await post(app(), { query, extensions: persisted(sha256(query)) });

    const answer = await get(app(), { documentId: `sha256:${sha256(query)}` });

    expect([answer.status, codes(answer)]).toEqual([405, ['BAD_REQUEST']]);
  });

  test('a link of another page runs nothing', async () => {
    const query = freshQuery();
    await post(app(), { query, extensions: persisted(sha256(query)) });

    const response = await fetch(`${app().url}/graphql?documentId=sha256:${sha256(query)}`);

    expect(response.status).toBe(400);
  });

  test('limits hold for variables, which come later than the document', async () => {
    const { token } = await admin(app());
    const query = `query Many($first: Int) { users(first: $first) { nodes { sessions { id } auditTrail(first: $first) { nodes { id } } } } }`;
    await post(app(), { query, variables: { first: 1 }, extensions: persisted(sha256(query)) }, { token });

    const answer = await post(app(), { variables: { first: 100 }, documentId: sha256(query) }, { token });

    expect(codes(answer)).toEqual(['TOO_COSTLY']);
  });

  test('an answer that is the same for all may be cached when it was asked for by hash and GET', async () => {
    const query = 'query Type { __typename }';
    const hash = sha256(query);
    const registered = await post(app(), { query, extensions: persisted(hash) });

    const [byGet, byPost, inFull] = [
      await get(app(), { documentId: `sha256:${hash}` }),
      await post(app(), { documentId: `sha256:${hash}` }),
      await get(app(), { query }),
    ];

    expect(byGet.headers.get('cache-control')).toBe('public, max-age=300');
    expect(byGet.headers.get('vary')).toContain('Accept');
    expect([registered, byPost, inFull].map(({ headers }) => headers.get('cache-control'))).toEqual(
      Array(3).fill('no-store'),
    );
  });

  test('an answer that may be cached says nothing of the token of the one who asked', async () => {
    const query = 'query Kind { __typename }';
    const documentId = `sha256:${sha256(query)}`;
    const token = 'rubbish';
    await post(app(), { query, extensions: persisted(sha256(query)) });

    const [byGet, byPost] = [await get(app(), { documentId }, { token }), await post(app(), { documentId }, { token })];

    expect(byGet.headers.get('cache-control')).toBe('public, max-age=300');
    expect(byGet.headers.get('www-authenticate')).toBeNull();
    expect(byPost.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
  });

  test('a client of Apollo sends a document once, then its hash', async () => {
    const bodies: string[] = [];
    const client = apolloClient(app(), bodies);
    const query = gql`
      query ApolloMe {
        me {
          id
        }
      }
    `;

    const first = await client.query({ query, fetchPolicy: 'network-only' });
    const second = await client.query({ query, fetchPolicy: 'network-only' });

    expect([first.data, second.data]).toEqual([{ me: null }, { me: null }]);
    expect(bodies.map((body) => body.includes('"query"'))).toEqual([false, true, false]);
  });

  test('a client of urql does, too', async () => {
    const bodies: string[] = [];
    const client = new UrqlClient({
      url: `${app().url}/graphql`,
      preferGetMethod: false,
      fetch: listening(bodies),
      exchanges: [persistedExchange({ preferGetForPersistedQueries: false }), fetchExchange],
    });

    const answers = [
      await client.query('query UrqlMe { me { id } }', {}).toPromise(),
      await client.query('query UrqlMe { me { id } }', {}).toPromise(),
    ];

    expect(answers.map(({ data, error }) => [data, error])).toEqual(Array(2).fill([{ me: null }, undefined]));
    expect(bodies.map((body) => body.includes('"query"'))).toEqual([false, true, false]);
  });

  test('graphql-request works as it always did', async () => {
    const client = new GraphQLClient(`${app().url}/graphql`);

    expect(await client.request('{ me { id } }')).toEqual({ me: null });
  });
});

/** `fetch`, and what it sent. */
const listening =
  (bodies: string[]): typeof fetch =>
  (input, init) => {
    bodies.push(String(init?.body));
    return fetch(input, init);
  };

function apolloClient(app: TestApp, bodies: string[]) {
  const link = new PersistedQueryLink({ sha256: async (text) => sha256(text) });
  const http = new HttpLink({ uri: `${app.url}/graphql`, fetch: listening(bodies) });
  return new ApolloClient({ link: ApolloLink.from([link, http]), cache: new InMemoryCache() });
}

describeApi(
  'registrations of documents beyond their limit',
  (app) => {
    test('run, and are not kept (A8)', async () => {
      const queries = Array.from({ length: 4 }, freshQuery);

      const registered: Answer[] = [];
      for (const query of queries) registered.push(await post(app(), { query, extensions: persisted(sha256(query)) }));
      const again: Answer[] = [];
      for (const query of queries) again.push(await post(app(), { extensions: persisted(sha256(query)) }));

      expect(registered.map(({ data }) => data)).toEqual(Array(4).fill({ me: null }));
      expect(again.map(codes)).toEqual([[], [], [], ['PERSISTED_QUERY_NOT_FOUND']]);
    });
  },
  {},
  { LIMITS_FILE: '', LIMITS: '{"registerDocument":{"network":{"most":3}}}' },
);

describeApi(
  'without persisted operations',
  (app) => {
    test.each(Object.entries(WAYS))('%s is not supported', async (_, way) => {
      const query = freshQuery();

      for (const given of [undefined, query]) {
        const answer = await way(app(), sha256(query), {}, given);
        expect([answer.status, codes(answer)]).toEqual([400, ['PERSISTED_QUERY_NOT_SUPPORTED']]);
      }
    });

    test('a client of Apollo goes on without', async () => {
      const bodies: string[] = [];

      const { data } = await apolloClient(app(), bodies).query({ query: gql('query Off { me { id } }') });

      expect(data).toEqual({ me: null });
      expect(bodies).toHaveLength(2);
    });
  },
  {},
  { PERSISTED_OPERATIONS: 'off' },
);

const folder = temporaryFolder();

const ME = 'query Me { me { id } }';
const SIGN_IN = 'mutation SignIn($input: LoginInput!) { login(input: $input) { accessToken } }';
const TYPE = 'query Type { __typename }';

const apolloManifest = (...bodies: string[]) => ({
  format: 'apollo-persisted-query-manifest',
  version: 1,
  operations: bodies.map((body) => {
    const [, type, name] = /^(\w+) (\w+)/.exec(body) ?? [];
    return { id: sha256(body), name, type, body };
  }),
});

const manifestFile = (name: string, manifest: unknown): string => {
  const path = join(folder, name);
  writeFileSync(path, typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
  return path;
};

const APOLLO_FILE = manifestFile('apollo.json', apolloManifest(ME, SIGN_IN, TYPE, REGISTER, LOGIN));

describeApi(
  'trusted documents',
  (app) => {
    test.each(Object.entries(WAYS))('%s runs, with its document or without', async (_, way) => {
      for (const query of [undefined, ME]) expect((await way(app(), sha256(ME), {}, query)).data).toEqual({ me: null });
    });

    test('run as plain documents, letter by letter', async () => {
      expect((await ask(app(), ME)).data).toEqual({ me: null });
      expect((await get(app(), { query: ME })).data).toEqual({ me: null });
      const { email, password } = await member(app());
      const { data } = await post(app(), { documentId: sha256(SIGN_IN), variables: { input: { email, password } } });
      expect(data.login.accessToken).toMatch(/^ey/);
    });

    test.each([
      ['another query', '{ me { name } }'],
      ['an alias', 'query Me { you: me { id } }'],
      ['a blank more', `${ME} `],
      ['introspection', '{ __schema { types { name } } }'],
      ['what is no GraphQL', '{'],
      ['what does not fit', '{ nothing }'],
      ['a second operation', `${ME} query Other { me { name } }`],
    ])('%s is refused', async (_, query) => {
      for (const answer of [
        await ask(app(), query),
        await get(app(), { query }),
        await post(app(), { query, extensions: persisted(sha256(query)) }),
        await post(app(), { query, documentId: `sha256:${sha256(query)}` }),
      ]) {
        expect([answer.status, codes(answer), answer.data]).toEqual([400, ['DOCUMENT_NOT_TRUSTED'], undefined]);
      }
      expect(codes(await post(app(), { documentId: sha256(query) }))).toEqual(['PERSISTED_QUERY_NOT_FOUND']);
    });

    test('a hash of the list and another document are refused', async () => {
      const answer = await post(app(), { query: '{ me { name } }', documentId: sha256(ME) });

      expect(codes(answer)).toEqual(['BAD_REQUEST']);
    });

    test.each([
      ['a batch', [{ query: '{ me { name } }' }]],
      ['a query that is a list', { query: ['{ me { name } }'] }],
      ['no query', {}],
      ['an empty query', { query: '' }],
    ])('%s runs nothing', async (_, body) => {
      const answer = await post(app(), body);

      expect([answer.status, answer.data]).toEqual([400, undefined]);
    });

    test('an answer that is the same for all may be cached', async () => {
      const answer = await get(app(), { documentId: `sha256:${sha256(TYPE)}` });

      expect([answer.data, answer.headers.get('cache-control')]).toEqual([
        { __typename: 'Query' },
        'public, max-age=300',
      ]);
    });

    test('an admin may send nothing else either', async () => {
      const { token } = await admin(app());

      expect(codes(await post(app(), { query: '{ me { name } }' }, { token }))).toEqual(['DOCUMENT_NOT_TRUSTED']);
    });
  },
  {},
  { PERSISTED_OPERATIONS: 'trusted', OPERATIONS_MANIFEST: APOLLO_FILE },
);

const RELAY_FILE = manifestFile(
  'relay.json',
  Object.fromEntries([ME, REGISTER, LOGIN].map((text, index) => [index % 2 ? sha256(text) : md5(text), text])),
);

describeApi(
  "trusted documents of Relay's map",
  (app) => {
    test('run by the ids that Relay makes, and by SHA-256 of the text where nothing is named', async () => {
      const ada = await member(app());

      expect((await post(app(), { documentId: md5(ME) }, ada)).data).toEqual({ me: { id: ada.id } });
      expect((await get(app(), { documentId: md5(ME).toUpperCase() }, ada)).data).toEqual({ me: { id: ada.id } });
      expect((await post(app(), { query: ME }, ada)).data).toEqual({ me: { id: ada.id } });
    });

    test('admins send anything where the setting lets them, and nobody else', async () => {
      const [root, ada] = [await admin(app()), await member(app())];
      const query = '{ me { name } }';

      expect((await post(app(), { query }, root)).data).toEqual({ me: { name: 'Admin' } });
      expect((await get(app(), { query }, root)).data).toEqual({ me: { name: 'Admin' } });
      expect(codes(await post(app(), { query }, ada))).toEqual(['DOCUMENT_NOT_TRUSTED']);
      expect(codes(await post(app(), { query }))).toEqual(['DOCUMENT_NOT_TRUSTED']);
      expect(codes(await post(app(), { query }, { token: `${root.token}x` }))).toEqual(['DOCUMENT_NOT_TRUSTED']);
    });
  },
  {},
  { PERSISTED_OPERATIONS: 'trusted', OPERATIONS_MANIFEST: RELAY_FILE, ADMINS_SEND_ANYTHING: 'true' },
);

describe('a manifest', () => {
  const schema = createSchema();
  const problemsOf = (manifest: unknown): string[] => {
    try {
      readManifest(typeof manifest === 'string' ? manifest : JSON.stringify(manifest), schema);
      return [];
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      return error.problems;
    }
  };
  const withBody = (body: string, changes: object = {}) => {
    const manifest = apolloManifest(body);
    return { ...manifest, operations: manifest.operations.map((operation) => ({ ...operation, ...changes })) };
  };

  test.each([
    ['no JSON', '{', 'The manifest must be a JSON object.'],
    ['a list', [], 'The manifest must be a JSON object.'],
    [
      'another format',
      { format: 'other', version: 1, operations: [] },
      'The format must be apollo-persisted-query-manifest, version 1.',
    ],
    [
      'another version',
      { ...apolloManifest(ME), version: 2 },
      'The format must be apollo-persisted-query-manifest, version 1.',
    ],
    ['no operations', { ...apolloManifest(), operations: {} }, 'The manifest must have a list of operations.'],
    [
      'an operation that is none',
      { ...apolloManifest(), operations: [7] },
      'Operation 1: it must have an id and a body.',
    ],
    ['no body', withBody(ME, { body: undefined }), 'Operation 1: it must have an id and a body.'],
    ['another body', withBody(ME, { body: TYPE }), 'Me: its id is not the SHA-256 or MD5 of its text'],
    ['another id', withBody(ME, { id: 'x' }), 'Me: its id is not the SHA-256 or MD5 of its text'],
    ['another name', withBody(ME, { name: 'You' }), 'You: its operation has another name'],
    ['another type', withBody(ME, { type: 'mutation' }), 'Me: its operation is of another type'],
    ['two operations', withBody(`${ME} query You { me { id } }`), 'Me: it must have one operation'],
    ['no operation', withBody('fragment F on User { id }', { name: 'F' }), 'F: Fragment "F" is never used.'],
    [
      'a field that was removed',
      withBody('query Me { me { gone } }'),
      'Me: Cannot query field "gone" on type "User". Did you mean "role"?',
    ],
    [
      'a field that was changed',
      withBody('query Me { me { id { x } } }'),
      'Me: Field "id" must not have a selection since type "ID!" has no subfields.',
    ],
    [
      'an argument that was added',
      withBody('query Me { user { id } }'),
      'Me: Field "user" argument "id" of type "ID!" is required, but it was not provided.',
    ],
    ['what is no GraphQL', withBody('query Me {'), 'Me: Syntax Error: Expected Name, found <EOF>.'],
    [
      'too many tokens',
      withBody(`query Me { ${'__typename '.repeat(1_001)} }`),
      'Me: Syntax Error: Document contains more that 1000 tokens. Parsing aborted.',
    ],
    [
      'a text of Relay that is none',
      { [sha256(ME)]: 7 },
      `${sha256(ME).slice(0, 12)}: it must be the text of a document`,
    ],
    [
      'an id of Relay that is another',
      { [md5(TYPE)]: ME },
      `${md5(TYPE).slice(0, 12)}: its id is not the SHA-256 or MD5 of its text`,
    ],
  ])('with %s is refused', (_, manifest, problem) => {
    expect(problemsOf(manifest)[0]).toBe(problem);
  });

  test('has all its problems told at once', () => {
    const { operations } = apolloManifest('query A { a }', 'query B { b }', ME);

    expect(problemsOf({ ...apolloManifest(), operations })).toHaveLength(2);
  });
});
