// Every answer of the HTTP server has the same shape and headers; requests are sent as bytes, also ones that no
// client sends.

import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { describeApi, type TestApp } from '../support/app.js';
import { member, PASSWORD } from '../support/people.js';

const ORIGIN = 'http://app.example.com';
const JSON_BODY = '{"query":"{ __typename }"}';

/** A request as bytes: fetch would put right, or refuse, what is wrong with it. */
const request = (line: string, headers: string[] = [], body = '') =>
  [`${line} HTTP/1.1`, 'Host: gatehouse.test', `Origin: ${ORIGIN}`, 'Connection: close', ...headers, '', body].join(
    '\r\n',
  );
const post = (body: string, headers: string[] = ['Content-Type: application/json'], path = '/graphql') =>
  request(`POST ${path}`, [...headers, `Content-Length: ${Buffer.byteLength(body)}`], body);
const get = (search: string) => request(`GET /graphql${search}`, ['Apollo-Require-Preflight: 1']);

/** Requests that reach a route or the place where one would be: those are answered with CORS headers, too. */
const REFUSED: [string, string, number][] = [
  ['an address that cannot be decoded', request('GET /graphql%zz'), 400],
  ['bytes in an address that are no UTF-8', request('GET /%E0%A4%A'), 400],
  ['such an address with a body', post(JSON_BODY, undefined, '/graphql%'), 400],
  ['such an address for OPTIONS', request('OPTIONS /%zz'), 400],
  ['a path that is not there', request('GET /nothing'), 404],
  ['a path that leads upwards', request('GET /../etc/passwd'), 404],
  ['a zero byte in a path', request('GET /graphql%00'), 404],
  ['a path that is not there, for POST', post(JSON_BODY, undefined, '/nothing'), 404],
  ['a path that is not there, for OPTIONS', request('OPTIONS /nothing'), 404],
  ['a path that is not there, for a rare method', request('PROPFIND /nothing'), 404],
  ['a whole address', request('GET http://elsewhere.example/nothing'), 404],
  ['PUT', request('PUT /graphql'), 405],
  [
    'PUT with a body of another type',
    request('PUT /graphql', ['Content-Type: text/plain', 'Content-Length: 2'], 'xx'),
    405,
  ],
  ['PATCH', request('PATCH /graphql'), 405],
  ['DELETE', request('DELETE /graphql'), 405],
  ['TRACE', request('TRACE /graphql'), 405],
  ['a rare method', request('PROPFIND /graphql'), 405],
  ['an encoded path with another method', request('DELETE /%67raphql'), 405],
  ['POST to the state of health', post('{}', undefined, '/health/live'), 405],
  ['POST to the keys', post('{}', undefined, '/.well-known/jwks.json'), 405],
  ['DELETE of a page', request('DELETE /account/verify-email'), 405],
  ['a mutation by GET', get('?query=mutation%7Blogout%7BsessionsEnded%7D%7D'), 405],
  ['GET without a query', get(''), 400],
  ['GET with an empty query', get('?query='), 400],
  ['GET with two queries', get('?query=%7B__typename%7D&query=%7B__typename%7D'), 400],
  ['GET with two hashes', get('?documentId=a&documentId=b'), 400],
  ['GET with two extensions', get('?query=%7B__typename%7D&extensions=%7B%7D&extensions=%7B%7D'), 400],
  ['GET with variables twice', get('?query=%7B__typename%7D&variables=%7B%7D&variables=%7B%7D'), 400],
  ['GET with two names', get('?query=%7B__typename%7D&operationName=a&operationName=a'), 400],
  ['GET with variables that are no JSON', get('?query=%7B__typename%7D&variables=zz'), 400],
  ['GET with extensions that are no JSON', get('?query=%7B__typename%7D&extensions=%5B'), 400],
  ['GET as a link sends it', request('GET /graphql?query=%7B__typename%7D'), 400],
  ['GET with an Upgrade', request('GET /graphql', ['Upgrade: websocket']), 400],
  [
    'GET with a body',
    request('GET /graphql', ['Content-Type: application/json', 'Content-Length: 26'], JSON_BODY),
    400,
  ],
  ['POST without a body', post(''), 400],
  ['POST without body and type', post('', []), 400],
  ['an empty object', post('{}'), 400],
  ['an empty list', post('[]'), 400],
  ['a batch', post(`[${JSON_BODY},${JSON_BODY}]`), 400],
  ['JSON that is not closed', post('{"query":'), 400],
  ['a body that is compressed', post('\x1f\x8b', ['Content-Type: application/json', 'Content-Encoding: gzip']), 415],
  ['a body in UTF-16', post(JSON_BODY, ['Content-Type: application/json; charset=utf-16']), 415],
  ['a body without a type', post(JSON_BODY, []), 415],
  ['a type that is none', post(JSON_BODY, ['Content-Type: ;;;']), 415],
  ['a form', post('query=a', ['Content-Type: application/x-www-form-urlencoded']), 415],
  ['a form of many parts', post('--a--', ['Content-Type: multipart/form-data; boundary=a']), 415],
  ['plain text', post(JSON_BODY, ['Content-Type: text/plain']), 415],
  ['a body that is too large', post(`{"query":"${'x'.repeat(100_001)}"}`), 413],
  ['an answer of another type', post(JSON_BODY, ['Content-Type: application/json', 'Accept: image/png']), 406],
];

/** What is refused before there is a request, and so before anybody knows its origin. */
const UNREAD: [string, string, number][] = [
  ['bytes of TLS', '\x16\x03\x01\x02\x00\x01\r\n\r\n', 400],
  ['a method that does not exist', 'FETCH /graphql HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a version that does not exist', 'GET /graphql HTTP/9.9\r\nHost: a\r\n\r\n', 400],
  ['a blank in a path', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['no Host', 'GET /graphql HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
  ['a header without a name', 'GET /graphql HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n', 400],
  ['a length that is none', 'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n', 400],
  [
    'a length and chunks',
    'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  [
    'a chunk that is none',
    'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n',
    400,
  ],
  [
    'extensions of a chunk that are too long',
    `POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2;${'x'.repeat(17_000)}\r\n{}\r\n0\r\n\r\n`,
    413,
  ],
  ['headers that are too long', `GET /graphql HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ['an address that is too long', `GET /graphql?${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
  ['a tunnel', 'CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: a\r\n\r\n', 405],
];

describeApi(
  'an answer',
  (app) => {
    let late: Promise<Answer>;
    beforeAll(() => {
      // Its headers never end; the answer comes when their time is up.
      late = exchange(app(), 'GET /graphql HTTP/1.1\r\nHost: a\r\n');
    });
    afterAll(async () => void (await late));

    test.each(REFUSED)('to %s has the shape and headers of all others (A7)', async (_, bytes, status) => {
      const answer = await exchange(app(), bytes);

      assertRefusal(answer, status);
      expect(answer.headers.get('access-control-allow-origin')).toBe(ORIGIN);
      expect(answer.headers.get('access-control-expose-headers')).toBe('x-request-id, retry-after, www-authenticate');
    });

    test.each(UNREAD)('to %s has them, too', async (_, bytes, status) => {
      assertRefusal(await exchange(app(), bytes), status);
    });

    test('to headers that do not end in time has them, too', async () => {
      assertRefusal(await late, 408);
    });

    test.each([
      ['PUT /graphql', 'GET, HEAD, OPTIONS, POST'],
      ['OPTIONS /graphql', 'GET, HEAD, OPTIONS, POST'],
      ['POST /health/ready', 'GET, HEAD, OPTIONS'],
      ['OPTIONS /health/ready', 'GET, HEAD, OPTIONS'],
    ])('to %s names the methods of the address', async (line, methods) => {
      expect((await exchange(app(), request(line))).headers.get('allow')).toBe(methods);
    });

    test('to a mutation by GET names POST', async () => {
      const { headers } = await exchange(app(), get('?query=mutation%7Blogout%7BsessionsEnded%7D%7D'));

      expect(headers.get('allow')).toBe('POST');
    });

    test.each([
      ['a bare OPTIONS', request('OPTIONS /graphql')],
      ['a preflight', request('OPTIONS /graphql', ['Access-Control-Request-Method: POST'])],
    ])('to %s is empty, with the headers of all others', async (_, bytes) => {
      const { status, headers, text } = await exchange(app(), bytes);

      expect([status, text, headers.get('content-length')]).toEqual([204, '', '0']);
      expect(headers.get('access-control-allow-origin')).toBe(ORIGIN);
      expect(headers.get('access-control-allow-methods')).toBe('GET, POST');
      assertHeaders(headers);
    });

    test('of a type that the client does not take is refused before a mutation runs', async () => {
      const ada = await member(app());
      const sessionsOf = async () => (await ada.ask('{ me { sessions { id } } }')).data.me.sessions;
      const before = await sessionsOf();
      const body = JSON.stringify({
        query: `mutation { login(input: { email: "${ada.email}", password: "${PASSWORD}" }) { accessToken } }`,
      });

      for (const type of ['image/png', 'text/html', 'application/json;q=0'])
        assertRefusal(await exchange(app(), post(body, ['Content-Type: application/json', `Accept: ${type}`])), 406);

      expect(await sessionsOf()).toEqual(before);
    });

    test('to HEAD is that to GET without its body', async () => {
      const query = '/graphql?query=%7B__typename%7D';
      const flag = ['Apollo-Require-Preflight: 1'];

      const whole = await exchange(app(), request(`GET ${query}`, flag));
      const head = await exchange(app(), request(`HEAD ${query}`, flag));

      expect([whole.status, head.status, head.text]).toEqual([200, 200, '']);
      expect(head.headers.get('content-length')).toBe(String(Buffer.byteLength(whole.text)));
    });

    test('to an expectation that is not known is as without it', async () => {
      const { status, text } = await exchange(
        app(),
        post(JSON_BODY, ['Content-Type: application/json', 'Expect: magic']),
      );

      expect([status, JSON.parse(text)]).toEqual([200, { data: { __typename: 'Query' } }]);
    });

    test('to another origin has no CORS headers that let it in', async () => {
      const bytes = request('GET /nothing').replace(ORIGIN, 'http://evil.example');

      expect((await exchange(app(), bytes)).headers.get('access-control-allow-origin')).toBeNull();
    });

    test('is no error in the log', () => {
      expect(app().logged()).not.toContain('"level":"error"');
    });
  },
  {},
  { CORS_ORIGINS: ORIGIN },
);

describe('of the assertions', () => {
  test('each status is tried', () => {
    const statuses = new Set([...REFUSED, ...UNREAD].map(([, , status]) => status));

    expect([...statuses].sort()).toEqual([400, 404, 405, 406, 413, 415, 431]);
  });
});

interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

function assertRefusal({ status, headers, text }: Answer, expected: number) {
  expect(status).toBe(expected);
  expect(headers.get('content-type')).toMatch(/^application\/json/);
  expect(headers.get('content-length')).toBe(String(Buffer.byteLength(text)));
  expect(headers.get('cache-control')).toBe('no-store');
  assertHeaders(headers);
  const { errors, ...rest } = JSON.parse(text);
  expect(rest).toEqual({});
  const isBody = errors[0]?.message.startsWith('The body is larger');
  const extensions = isBody ? { code: 'BODY_TOO_LARGE', limit: 100_000 } : { code: 'BAD_REQUEST' };
  expect(errors).toEqual([{ message: expect.any(String), extensions }]);
}

function assertHeaders(headers: Headers) {
  expect(headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('referrer-policy')).toBe('no-referrer');
  expect(headers.get('x-frame-options')).toBe('SAMEORIGIN');
}

/** Sends bytes, and reads the answer until the other side ends it. */
function exchange({ url }: TestApp, bytes: string): Promise<Answer> {
  const { port, hostname } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
    });
    // A server that ends the connection before it has read all of a body resets it.
    socket.on('error', (error) => answer === '' && reject(error));
    socket.on('close', () => resolve(parsed(answer)));
  });
}

function parsed(answer: string): Answer {
  const [head = '', ...rest] = answer.split('\r\n\r\n');
  const [line = '', ...lines] = head.split('\r\n');
  const headers = new Headers(lines.map((text) => text.split(/: (.*)/s).slice(0, 2) as [string, string]));
  return { status: Number(line.split(' ')[1]), headers, text: rest.join('\r\n\r\n') };
}
