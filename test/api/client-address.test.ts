// The address that is kept is what the trusted proxies vouch for; headers of every form are sent, and the kept
// address is read.

import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { describeApi, type TestApp } from '../support/app.js';
import { admin, ask, LOGIN, member, PASSWORD } from '../support/people.js';

/** `X-Forwarded-For` as the last trusted proxy hands it on, and the address that is kept. */
const FORWARDED: [string, string | null][] = [
  ['203.0.113.7', '203.0.113.7'],
  ['203.0.113.7:50312', '203.0.113.7'],
  ['unknown', null],
  ['_hidden', null],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['2001:db8::1', '2001:db8::1'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::FFFF:cb00:7107', '203.0.113.7'],
  ['[::ffff:203.0.113.7]:8080', '203.0.113.7'],
  ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
  ['fe80::1%eth0', 'fe80::1'],
  ['[fe80::1%25eth0]:80', 'fe80::1'],
  ['::', '::'],
  ['::1', '::1'],
  ['x'.repeat(300), null],
  ['1'.repeat(300), null],
  [`2001:db8::1%${'z'.repeat(300)}`, null],
  ['203.0.113', null],
  ['203.0.113.256', null],
  ['203.000.113.007', null],
  ['0xcb.0.113.7', null],
  ['3405803783', null],
  ['203.0.113.7/24', null],
  ['203.0.113.7:port', null],
  ['203.0.113.7:123456', null],
  ['[203.0.113.7]:80', null],
  ['2001:db8::1::2', null],
  ['2001:db8:1', null],
  ['[2001:db8::1', null],
  ['2001:db8::1]:443', null],
  ['http://203.0.113.7', null],
  ['"203.0.113.7"', null],
  ['for=203.0.113.7', null],
  ['localhost', null],
  ['<script>', null],
  ["' or 1=1 --", null],
  // Of a list, what the nearest proxy has added counts.
  ['198.51.100.1, 203.0.113.7', '203.0.113.7'],
  ['unknown, 203.0.113.7', '203.0.113.7'],
  ['203.0.113.7, unknown', null],
  ['203.0.113.7 ,', '203.0.113.7'],
  [', ,203.0.113.7', '203.0.113.7'],
  // Proxies in a chain, in any spelling.
  ['203.0.113.7, 10.1.2.3', '203.0.113.7'],
  ['203.0.113.7, ::ffff:10.1.2.3', '203.0.113.7'],
  ['203.0.113.7, 10.1.2.3:4000, [fd00:0::9]:80', '203.0.113.7'],
  ['203.0.113.7, unknown, 10.1.2.3', null],
  ['10.1.2.3', '10.1.2.3'],
  ['10.9.9.9, 10.1.2.3', '10.9.9.9'],
  ['', '127.0.0.1'],
  [' , ,', '127.0.0.1'],
];

/** Signs in with these headers; what the session and the audit trail hold. */
async function seenOf(app: TestApp, headers: Record<string, string>) {
  const { email } = await member(app);
  const { data } = await ask(app, LOGIN, { input: { email, password: PASSWORD } }, undefined, headers);
  const token = await adminOf(app);
  const own = await ask(app, '{ me { sessions { current ipAddress openedIpAddress } } }', {}, data.login.accessToken);
  const session = own.data.me.sessions.find(({ current }: { current: boolean }) => current);
  const trail = await ask(
    app,
    'query ($id: ID!) { user(id: $id) { auditTrail(first: 1) { nodes { action ipAddress } } } }',
    { id: data.login.user.id },
    token,
  );
  const [opened] = trail.data.user.auditTrail.nodes;
  return { used: session.ipAddress, opened: session.openedIpAddress, recorded: opened.ipAddress };
}

/** One for each app: each sign-up hashes a password. */
const admins = new WeakMap<TestApp, Promise<string>>();
const adminOf = (app: TestApp) => {
  const token = admins.get(app) ?? admin(app).then(({ token }) => token);
  admins.set(app, token);
  return token;
};

const all = (address: string | null) => ({ used: address, opened: address, recorded: address });

describeApi(
  'behind a proxy that is trusted, the address',
  (app) => {
    test.each(FORWARDED)('of X-Forwarded-For %j is kept as %j', async (forwarded, address) => {
      expect(await seenOf(app(), { 'x-forwarded-for': forwarded })).toEqual(all(address));
    });

    test('of a connection without the header is its own', async () => {
      expect(await seenOf(app(), {})).toEqual(all('127.0.0.1'));
    });

    test('is no word of Forwarded or X-Real-IP (A29)', async () => {
      const headers = { forwarded: 'for=203.0.113.7', 'x-real-ip': '203.0.113.8' };

      expect(await seenOf(app(), headers)).toEqual(all('127.0.0.1'));
    });

    test('is that of all lines of the header together', async () => {
      const lines = ['X-Forwarded-For: 203.0.113.7', 'X-Forwarded-For: 10.1.2.3'];

      await rawRequest(app(), lines);

      expect(logged(app())).toBe('203.0.113.7');
    });
  },
  {},
  { TRUST_PROXY: '127.0.0.0/8,::ffff:10.0.0.0/104,FD00:0::/8', LOG_LEVEL: 'debug' },
);

describeApi('where no proxy is trusted, the address', (app) => {
  test.each(['203.0.113.7', 'unknown', '127.0.0.1', '::1'])('is that of the connection, for %s', async (forwarded) => {
    expect(await seenOf(app(), { 'x-forwarded-for': forwarded })).toEqual(all('127.0.0.1'));
  });
});

describe('TRUST_PROXY', () => {
  describeApi(
    'of other addresses than the peer',
    (app) => {
      test('lets the header count for nothing', async () => {
        expect(await seenOf(app(), { 'x-forwarded-for': '203.0.113.7' })).toEqual(all('127.0.0.1'));
      });
    },
    {},
    { TRUST_PROXY: '10.0.0.0/8, fe80::1%eth0, ::ffff:192.0.2.0/120' },
  );
});

/** fetch joins the lines of a header. */
function rawRequest({ url }: TestApp, lines: string[]): Promise<void> {
  const { port, hostname, host } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () =>
      socket.write([`GET /health/live HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...lines, '', ''].join('\r\n')),
    );
    socket.on('error', reject).on('close', () => resolve());
    socket.resume();
  });
}

/** The address in the last line about a request. */
function logged(app: TestApp): string | null {
  const lines = app
    .logged()
    .split('\n')
    .filter((line) => line.includes('"msg":"request"'));
  return JSON.parse(lines.at(-1) as string).ip;
}
