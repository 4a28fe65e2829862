// Behind nginx two instances work as one; a real nginx is asked, and instances are stopped.

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { ask, codes, DELETE_USER, member, signIn } from '../support/people.js';
import { type ApiProcess, type Env, startApi } from '../support/processes.js';
import { type NginxServer, startNginx } from '../support/servers/nginx.js';
import { type SharedPostgres, sharedPostgres } from '../support/servers/postgres.js';
import type { Server } from '../support/servers/private-server.js';
import { startRedis } from '../support/servers/redis.js';

const ME = 'query { me { id email role { name } } }';
const USER = 'query ($id: ID!) { user(id: $id) { id email isActive } }';
const USERS = 'query { users(first: 2) { totalCount nodes { id } } }';
const TYPENAME = JSON.stringify({ query: '{ __typename }' });
const UUID_OR_HEX = /^[0-9a-f-]{32,36}$/;

describeWithServers(['postgres', 'redis', 'nginx'], 'nginx in front of two instances', () => {
  let postgres: SharedPostgres;
  let redis: Server;
  let nginx: NginxServer;
  let env: Env;
  let one: ApiProcess;
  let other: ApiProcess;

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([sharedPostgres(), startRedis()]);
    env = {
      DATABASE_URL: await postgres.createDatabase(),
      REDIS_URL: redis.url,
      TRUST_PROXY: '127.0.0.1',
      LOG_LEVEL: 'debug',
    };
    [one, other] = await Promise.all([startApi(env), startApi(env)]);
    nginx = await startNginx([one, other].map(({ url }) => new URL(url).host));
  });

  afterAll(async () => {
    await nginx?.stop();
    await Promise.all([one?.kill(), other?.kill()]);
    await redis?.stop();
  });

  /** The API as clients reach it. */
  const front = (): ApiProcess => ({
    ...one,
    url: nginx.url,
    ask: (query, variables, token) => ask(nginx, query, variables, token),
  });
  const post = (body: string, headers: Record<string, string> = {}) =>
    fetch(`${nginx.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });

  test('the journey passes, over both instances, and each request sees what the last one wrote', async () => {
    const admin = await signIn(front());
    const user = await member(front());

    const me = await front().ask(ME, {}, user.token);
    const own = await front().ask(USER, { id: user.id }, user.token);
    const users = await front().ask(USERS, {}, admin.token);
    const denied = await front().ask(USERS, {}, user.token);
    const deleted = await front().ask(DELETE_USER, { id: user.id }, admin.token);
    const after = await front().ask(USER, { id: user.id }, admin.token);
    const refused = await front().ask(USER, { id: user.id }, user.token);

    expect(me.data.me).toMatchObject({ id: user.id, role: { name: 'MEMBER' } });
    expect(own.data.user).toEqual({ id: user.id, email: user.email, isActive: true });
    expect(users.data.users).toEqual({ totalCount: 2, nodes: [{ id: user.id }, { id: admin.id }] });
    expect(codes(denied)).toEqual(['FORBIDDEN']);
    expect(deleted.data.deleteUser.id).toBe(user.id);
    expect(after.data.user.isActive).toBe(false);
    expect(refused.errors[0]?.extensions).toEqual({ code: 'UNAUTHENTICATED', reason: 'REVOKED' });
    for (const { url } of [one, other]) expect(nginx.accessLog()).toContain(`"upstream":"${new URL(url).host}"`);
  });

  test("a request's id is nginx's own, and stands in the answer, its log and the instance's log", async () => {
    const response = await post(TYPENAME, { 'x-request-id': 'chosen-by-the-client' });

    const requestId = response.headers.get('x-request-id') ?? '';
    expect(response.status).toBe(200);
    expect(requestId).toMatch(UUID_OR_HEX);
    await eventually(() => expect(nginx.accessLog()).toContain(`"requestId":"${requestId}"`));
    await eventually(() =>
      expect([one, other].flatMap((api) => api.lines('request', { requestId, status: 200 }))).toHaveLength(1),
    );
    for (const text of [nginx.accessLog(), one.output(), other.output()]) {
      expect(text).not.toContain('chosen-by-the-client');
    }
  });

  test('what the client says of its address and of proxies is not passed on', async () => {
    const heard: IncomingHttpHeaders[] = [];
    const upstream = createServer((request, response) => {
      heard.push(request.headers);
      response.end('{}');
    }).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const alone = await startNginx([`127.0.0.1:${(upstream.address() as AddressInfo).port}`]);
    try {
      await fetch(`${alone.url}/graphql`, {
        headers: {
          'x-forwarded-for': '6.6.6.6',
          'x-real-ip': '6.6.6.6',
          'x-forwarded-host': 'evil.example',
          'x-forwarded-proto': 'https',
          forwarded: 'for=6.6.6.6;host=evil.example',
        },
      });
    } finally {
      await alone.stop();
      upstream.close();
    }

    expect(heard.at(-1)).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' });
    expect(JSON.stringify(heard)).not.toMatch(/6\.6\.6\.6|evil/);
  });

  test("the pages that mails lead to pass, with the API's policy, and development's mailbox does not", async () => {
    const page = await fetch(`${nginx.url}/account/reset-password`);
    const script = await fetch(`${nginx.url}/account/account.js`);
    const mailbox = await fetch(`${nginx.url}/dev/mail`);

    expect([page.status, script.status, mailbox.status]).toEqual([200, 200, 404]);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  });

  test.each([
    { what: 'a body over 100 kB', status: 413, request: () => post(JSON.stringify({ query: 'x'.repeat(100_001) })) },
    { what: 'a body of no JSON', status: 400, request: () => post('{') },
    { what: 'a wrong content type', status: 415, request: () => post('{}', { 'content-type': 'text/plain' }) },
    { what: 'a path that is not there', status: 404, request: () => fetch(`${nginx.url}/../etc/passwd`) },
    { what: 'a path of the instance that is not for the world', status: 404, request: () => fetch(`${nginx.url}/x`) },
    { what: 'an address that cannot be decoded', status: 400, request: () => fetch(`${nginx.url}/graphql%zz`) },
    {
      what: 'a method that is not taken',
      status: 405,
      request: () => fetch(`${nginx.url}/graphql`, { method: 'PUT' }),
    },
    {
      what: 'an address that is too long',
      status: 431,
      request: () => fetch(`${nginx.url}/graphql?${'x'.repeat(40_000)}`),
    },
  ])('$what is answered with $status in JSON', async ({ status, request }) => {
    const response = await request();
    const body = await response.text();

    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(JSON.parse(body).errors[0].extensions).toEqual(
      status === 413 ? { code: 'BODY_TOO_LARGE', limit: 100_000 } : { code: 'BAD_REQUEST' },
    );
    expect(response.headers.get('server') ?? '').not.toMatch(/\d/);
    expect(response.headers.get('x-request-id')).toMatch(UUID_OR_HEX);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(response.headers.get('x-frame-options')).toBe('SAMEORIGIN');
  });

  test.each([
    ['network of IPv4', () => '192.0.2.1', '192.0.2.2'],
    ['network of IPv6', (at: number) => `2001:db8:1:2:${at.toString(16)}::1`, '2001:db8:1:3::1'],
    ['network of IPv6 with zeros', (at: number) => `2001:db9::${at.toString(16)}`, '2001:dba::1'],
  ])('of one %s, no more than 200 requests are under way at once', async (_, addressAt, otherAddress) => {
    const hosts = [one, other].map(({ url }) => new URL(url).host);
    const front = await startNginx(hosts, { NGINX_TRUST_PROXY: '127.0.0.1' });
    try {
      const { hostname, port } = new URL(front.url);
      const sockets: Socket[] = [];
      const open = async (count: number) => {
        for (let at = 0; at < count; at += 1) {
          const head = `POST /graphql HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ${addressAt(sockets.length)}`;
          const socket = connect(Number(port), hostname).on('error', () => undefined);
          sockets.push(socket);
          socket.write(`${head}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{`);
          await once(socket, 'connect');
        }
      };
      const postFrom = (address: string) =>
        fetch(`${front.url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
          body: TYPENAME,
        });
      await open(200);

      // On a busy machine some are over before nginx has read the last of them, so more come until it has 200 in hand.
      let refused = await postFrom(addressAt(0));
      await eventually(async () => {
        if (refused.status === 429) return;
        await open(20);
        refused = await postFrom(addressAt(0));
        expect(refused.status).toBe(429);
      });
      const body = (await refused.json()) as { errors: { extensions: object }[] };
      const fromElsewhere = await postFrom(otherAddress);
      for (const socket of sockets) socket.destroy();

      expect(body.errors[0]?.extensions).toEqual({ code: 'RATE_LIMITED', retryAfterSeconds: 1 });
      expect(refused.headers.get('retry-after')).toBe('1');
      expect(fromElsewhere.status).toBe(200);
      await eventually(async () => expect((await postFrom(addressAt(0))).status).toBe(200));
    } finally {
      await front.stop();
    }
  });

  test('when one instance dies the other serves on, and when both have, the answer says so in JSON', async () => {
    await one.kill();
    const after = await Promise.all(Array.from({ length: 50 }, () => front().ask('{ __typename }')));
    const user = await member(front());
    await other.kill();
    const none = await post(TYPENAME);
    const body = (await none.json()) as { errors: { extensions: { code: string } }[] };

    expect(after.map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(user.id).toBeTruthy();
    expect(none.status).toBeGreaterThanOrEqual(502);
    expect(none.headers.get('content-type')).toMatch(/^application\/json/);
    expect(body.errors[0]?.extensions.code).toBe('INTERNAL_SERVER_ERROR');
  });
});
