// A refresh token in a cookie works as one in the payload, for the allowed origins only; requests are sent as
// browsers send them.

import { expect, test } from '@jest/globals';
import { describeApi, type TestApp } from '../support/app.js';
import {
  type Answer,
  admin,
  ask,
  codes,
  DELETE_USER,
  expiredToken,
  LOGIN,
  PASSWORD,
  REGISTER,
} from '../support/people.js';

const HERE = 'https://id.example.com';
const FRONT_END = 'https://app.example.com';
const COOKIE = '__Host-gatehouse-refresh';
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Strict';
const CLEARED = `${COOKIE}=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; ${ATTRIBUTES}`;

const PAYLOAD = '{ accessToken refreshToken session { id expiresAt } user { id email } }';
const SIGN_IN = `mutation ($input: LoginInput!) { login(input: $input) ${PAYLOAD} }`;
const REFRESH = `mutation ($token: String! = "") { refresh(input: { refreshToken: $token }) ${PAYLOAD} }`;
const LOGOUT = 'mutation { logout { sessionsEnded } }';
const LOGOUT_EVERYWHERE = 'mutation { logoutEverywhere { sessionsEnded } }';
const REVOKE = 'mutation ($id: ID!) { revokeSession(id: $id) { sessionsEnded } }';
const CHANGE_PASSWORD = `mutation ($input: ChangePasswordInput!) { changePassword(input: $input) ${PAYLOAD} }`;

interface Sent {
  cookie?: string;
  origin?: string;
  token?: string;
}

/** An answer, and the cookies that it sets: those of the refresh token, and those of the device. */
type CookieAnswer = Answer & { cookies: string[]; devices: string[] };

let registered = 0;

/** A browser's requests to an API, and people who sign in with it. */
function browserOf(app: () => TestApp) {
  const send = async (query: string, variables: object = {}, sent: Sent = {}): Promise<CookieAnswer> => {
    const { cookie, origin, token } = sent;
    const response = await fetch(`${app().url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(cookie !== undefined && { cookie }),
        ...(origin !== undefined && { origin }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query, variables }),
    });
    const text = await response.text();
    const { data, errors = [] } = JSON.parse(text);
    const { status, headers } = response;
    const [cookies = [], devices = []] = ['-refresh=', '-device='].map((name) =>
      headers.getSetCookie().filter((cookie) => cookie.includes(name)),
    );
    return { status, headers, data, errors, text, cookies, devices };
  };
  const kept = ({ cookies }: CookieAnswer) => cookies[0]?.split(';')[0] ?? '';
  /** Somebody new, with the cookie that their browser keeps. */
  const person = async () => {
    registered += 1;
    const input = { email: `tab${registered}@example.com`, password: PASSWORD, name: 'Ada Lovelace' };
    const answer = await send(`mutation ($input: RegisterInput!) { register(input: $input) ${PAYLOAD} }`, { input });
    const { accessToken: token, session, user } = answer.data.register;
    return { id: user.id, email: input.email, token, sessionId: session.id, cookie: kept(answer), answer };
  };
  const refresh = (cookie: string, origin = HERE) => send(REFRESH, {}, { cookie, origin });
  const signIn = (email: string) => send(SIGN_IN, { input: { email, password: PASSWORD } });
  const rotation = async (sessionId: string) => {
    const [row] = await app().database.em.execute('select rotation, ended_at from sessions where id = ?', [sessionId]);
    return row?.ended_at === null ? row.rotation : 'ended';
  };
  return { send, kept, person, refresh, signIn, rotation };
}

const reason = ({ errors }: Answer) => errors[0]?.extensions.reason;

describeApi(
  'the cookie with the refresh token',
  (app) => {
    const { send, kept, person, refresh, signIn, rotation } = browserOf(app);
    const change = (cookie: string, token: string) => {
      const input = { currentPassword: PASSWORD, newPassword: 'a quite different one' };
      return send(CHANGE_PASSWORD, { input }, { cookie, token });
    };

    test('is set by whatever signs in, until its session ends, for no script and no other site', async () => {
      const ada = await person();
      const answers: [string, CookieAnswer][] = [
        ['register', ada.answer],
        ['login', await signIn(ada.email)],
        ['refresh', await refresh(ada.cookie)],
        ['changePassword', await change(ada.cookie, ada.token)],
      ];

      for (const [field, { cookies, data, headers }] of answers) {
        const { refreshToken, session } = data[field];
        const expires = new Date(session.expiresAt).toUTCString();
        expect([field, cookies]).toEqual([
          field,
          [expect.stringMatching(`^${COOKIE}=[\\w-]{70}; Expires=${expires}; ${ATTRIBUTES}$`)],
        ]);
        expect([field, refreshToken]).toEqual([field, '']);
        expect(headers.get('cache-control')).toBe('no-store');
      }
      expect(new Set(answers.map(([, answer]) => kept(answer))).size).toBe(4);
    });

    test('is traded for the next one of the same session, and the next for the one after it', async () => {
      const ada = await person();

      const first = await refresh(ada.cookie);
      const second = await refresh(kept(first));

      expect([first, second].map(({ data }) => data.refresh.session.id)).toEqual([ada.sessionId, ada.sessionId]);
      expect(new Set([ada.cookie, kept(first), kept(second)]).size).toBe(3);
      expect(await rotation(ada.sessionId)).toBe(2);
      const { data } = await send('{ me { id } }', {}, { token: second.data.refresh.accessToken });
      expect(data.me.id).toBe(ada.id);
    });

    test('is traded once when ten tabs send it at once, and all keep the same next one', async () => {
      const ada = await person();

      const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(ada.cookie)));

      expect(answers.flatMap(codes)).toEqual([]);
      expect(new Set(answers.map(kept)).size).toBe(1);
      expect(kept(answers[0] as CookieAnswer)).not.toBe(ada.cookie);
      expect(await rotation(ada.sessionId)).toBe(1);
    });

    test('is had again when its answer was lost, also after minutes, and not by two', async () => {
      const ada = await person();
      const later = (seconds: number) =>
        app().database.em.execute(
          `update sessions set last_used_at = last_used_at - ? * interval '1 s', used_at = used_at - ? * interval '1 s' where id = ?`,
          [seconds, seconds, ada.sessionId],
        );
      const lost = await refresh(ada.cookie);
      await later(300);
      const again = await refresh(ada.cookie);
      await later(11);

      expect([codes(again), kept(again) === kept(lost)]).toEqual([[], false]);
      expect([await refresh(kept(lost)), await refresh(kept(again))].map(reason)).toEqual(['REVOKED', 'REVOKED']);
    });

    test('is all that counts: a token in the argument gains nothing', async () => {
      const [ada, eve] = [await person(), await person()];
      const token = ada.cookie.split('=')[1];

      const alone = await send(REFRESH, { token }, { origin: HERE });
      const withOwnCookie = await send(REFRESH, { token }, { origin: HERE, cookie: eve.cookie });

      expect([codes(alone), reason(alone), alone.cookies]).toEqual([['UNAUTHENTICATED'], 'MISSING', []]);
      expect(withOwnCookie.data.refresh.session.id).toBe(eve.sessionId);
      expect(await rotation(ada.sessionId)).toBe(0);
    });

    test.each([
      ['another site', 'https://evil.example'],
      ['another host of the site', 'https://evil.example.com'],
      ['another port', `${HERE}:8443`],
      ['http', HERE.replace('https', 'http')],
      ['a name that begins alike', `${HERE}.evil.example`],
      ['a page without an origin', 'null'],
      ['an empty origin', ''],
      ['a request without an origin', undefined],
      ['two origins at once', `${HERE}, ${FRONT_END}`],
    ])('is not taken from %s, and nothing is rotated', async (_, origin) => {
      const ada = await person();

      const answer = await send(REFRESH, {}, { cookie: ada.cookie, ...(origin !== undefined && { origin }) });

      expect([codes(answer), answer.data, answer.cookies]).toEqual([['FORBIDDEN'], null, []]);
      expect(await rotation(ada.sessionId)).toBe(0);
    });

    test('is taken from the origins of CORS_ORIGINS', async () => {
      const ada = await person();

      const { data, headers } = await refresh(ada.cookie, FRONT_END);

      expect(data.refresh.session.id).toBe(ada.sessionId);
      expect(headers.get('access-control-allow-origin')).toBe(FRONT_END);
      expect(headers.get('access-control-allow-credentials')).toBe('true');
    });

    test('may be sent from elsewhere by the origins of CORS_ORIGINS alone', async () => {
      const preflight = async (origin: string) => {
        const headers = {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type',
        };
        return (await fetch(`${app().url}/graphql`, { method: 'OPTIONS', headers })).headers;
      };

      const [frontEnd, stranger] = [await preflight(FRONT_END), await preflight('https://evil.example.com')];

      expect(frontEnd.get('access-control-allow-origin')).toBe(FRONT_END);
      expect(frontEnd.get('access-control-allow-credentials')).toBe('true');
      expect(stranger.get('access-control-allow-origin')).toBeNull();
    });

    test('does nothing in a request that a browser sends without asking first, or by GET (A5)', async () => {
      const ada = await person();
      const query = `mutation { refresh(input: { refreshToken: "" }) ${PAYLOAD} }`;
      const headers = { cookie: ada.cookie, origin: HERE };
      const url = `${app().url}/graphql`;
      const search = new URLSearchParams({ query });

      const answers = await Promise.all([
        fetch(`${url}?${search}`, { headers }),
        fetch(`${url}?${search}`, { headers: { ...headers, 'apollo-require-preflight': '1' } }),
        fetch(url, { method: 'POST', headers, body: search }),
        fetch(url, {
          method: 'POST',
          headers: { ...headers, 'content-type': 'text/plain' },
          body: `{"query":"${query}"}`,
        }),
        fetch(`${url}?${search}`, { method: 'POST', headers }),
      ]);

      expect(answers.map(({ status }) => status)).toEqual([400, 405, 415, 415, 400]);
      expect(answers.flatMap((answer) => answer.headers.getSetCookie())).toEqual([]);
      expect(await rotation(ada.sessionId)).toBe(0);
    });

    test('goes with the session that the browser is signed in with', async () => {
      const [ada, bob, cyd, dan] = [await person(), await person(), await person(), await person()];

      const answers = [
        await send(LOGOUT, {}, ada),
        await send('mutation { logoutEverywhere { sessionsEnded } }', {}, bob),
        await send(REVOKE, { id: cyd.sessionId.toUpperCase() }, cyd),
        await send(DELETE_USER, { id: dan.id }, dan),
      ];

      expect(answers.flatMap(codes)).toEqual([]);
      expect(answers.map(({ cookies }) => cookies)).toEqual(Array(4).fill([CLEARED]));
    });

    test("stays when somebody else's session ends, or nothing does", async () => {
      const [ada, bob, root] = [await person(), await person(), await admin(app())];
      const other = (await signIn(ada.email)).data.login;

      const answers = [
        await send(REVOKE, { id: other.session.id }, ada),
        await send(REVOKE, { id: bob.sessionId }, ada),
        await send(LOGOUT, {}, { cookie: ada.cookie, origin: 'https://evil.example.com' }),
        await send(LOGIN, { input: { email: ada.email, password: 'not the password' } }, ada),
        await send(DELETE_USER, { id: bob.id }, root),
      ];

      expect(answers.map(codes)).toEqual([[], [], ['FORBIDDEN'], ['INVALID_CREDENTIALS'], []]);
      expect(answers.flatMap(({ cookies }) => cookies)).toEqual([]);
    });

    const forged = (token: string) => `${token.slice(0, -10)}AAAAAAAAAA`;
    test.each<[string, (ada: Awaited<ReturnType<typeof person>>) => Sent]>([
      ['no access token', () => ({})],
      ['one that has run out', (ada) => ({ token: expiredToken(app(), ada) })],
      ['one that nobody made', (ada) => ({ token: forged(ada.token) })],
    ])('signs out by itself with %s, here and everywhere', async (_, tokenFor) => {
      const [ada, bob] = [await person(), await person()];
      const other = (await signIn(bob.email)).data.login;

      const here = await send(LOGOUT, {}, { ...tokenFor(ada), cookie: ada.cookie, origin: HERE });
      const all = await send(LOGOUT_EVERYWHERE, {}, { ...tokenFor(bob), cookie: bob.cookie, origin: HERE });

      expect([here.data, all.data]).toEqual([
        { logout: { sessionsEnded: 1 } },
        { logoutEverywhere: { sessionsEnded: 2 } },
      ]);
      expect([here, all].map(({ cookies }) => cookies)).toEqual([[CLEARED], [CLEARED]]);
      expect(await Promise.all([ada.sessionId, bob.sessionId, other.session.id].map(rotation))).toEqual(
        Array(3).fill('ended'),
      );
      expect([reason(await refresh(ada.cookie)), reason(await refresh(bob.cookie))]).toEqual(['REVOKED', 'REVOKED']);
      const records = await app().database.em.execute(
        `select actor_id, session_id from audit_events where action = 'session.ended' and subject_id in (?, ?) order by id`,
        [ada.id, bob.id],
      );
      expect(records).toEqual([
        { actor_id: ada.id, session_id: ada.sessionId },
        { actor_id: bob.id, session_id: bob.sessionId },
      ]);
    });

    test.each([
      ['another host of the site', 'https://evil.example.com'],
      ['a request without an origin', undefined],
    ])('signs nobody out by itself from %s', async (_, origin) => {
      const ada = await person();
      const sent = { cookie: ada.cookie, token: expiredToken(app(), ada), ...(origin && { origin }) };

      const answers = [await send(LOGOUT, {}, sent), await send(LOGOUT_EVERYWHERE, {}, sent)];

      expect(answers.flatMap(codes)).toEqual(['FORBIDDEN', 'FORBIDDEN']);
      expect(answers.flatMap(({ cookies }) => cookies)).toEqual([]);
      expect(await rotation(ada.sessionId)).toBe(0);
    });

    test('of another session than that of the access token ends with it', async () => {
      const [ada, bob] = [await person(), await person()];

      const out = await send(LOGOUT, {}, { cookie: bob.cookie, token: ada.token, origin: HERE });

      expect(out.data.logout).toEqual({ sessionsEnded: 2 });
      expect(await Promise.all([ada, bob].map(({ sessionId }) => rotation(sessionId)))).toEqual(['ended', 'ended']);
    });

    test('is cleared by a sign-out of a session that is over, gone, or not its own', async () => {
      const [over, gone, strange] = [await person(), await person(), await person()];
      await send(LOGOUT, {}, over);
      await app().database.em.execute('delete from sessions where id = ?', [gone.sessionId]);
      const invented = forged(strange.cookie);

      const answers = [];
      for (const cookie of [over.cookie, gone.cookie, invented])
        answers.push(await send(LOGOUT, {}, { cookie, origin: HERE }));

      expect(answers.map(({ data, errors }) => data?.logout ?? errors[0]?.extensions.code)).toEqual([
        { sessionsEnded: 0 },
        { sessionsEnded: 0 },
        'UNAUTHENTICATED',
      ]);
      expect(answers.map(({ cookies }) => cookies)).toEqual(Array(3).fill([CLEARED]));
      expect(await rotation(strange.sessionId)).toBe(0);
    });

    test('of a session that is over signs nobody out elsewhere', async () => {
      const ada = await person();
      const other = (await signIn(ada.email)).data.login;
      await send(LOGOUT, {}, ada);

      const answer = await send(LOGOUT_EVERYWHERE, {}, { cookie: ada.cookie, origin: HERE });

      expect([codes(answer), answer.cookies]).toEqual([['UNAUTHENTICATED'], [CLEARED]]);
      expect(await rotation(other.session.id)).toBe(0);
    });

    test('goes when its session is found to be over', async () => {
      const [out, stolen, late] = [await person(), await person(), await person()];
      await send(LOGOUT, {}, { token: out.token });
      await refresh(kept(await refresh(stolen.cookie)));
      await app().database.em.execute(`update sessions set expires_at = now() - interval '1 second' where id = ?`, [
        late.sessionId,
      ]);

      const answers = [await refresh(out.cookie), await refresh(stolen.cookie), await refresh(late.cookie)];

      expect(answers.map(reason)).toEqual(['REVOKED', 'REVOKED', 'EXPIRED']);
      expect(answers.map(({ cookies }) => cookies)).toEqual([[CLEARED], [CLEARED], [CLEARED]]);
      expect(await rotation(stolen.sessionId)).toBe('ended');
    });

    test('from before a change of password is refused, and the new one stays with the browser', async () => {
      const ada = await person();
      const changed = await change(ada.cookie, ada.token);

      const stale = await refresh(ada.cookie);

      expect([reason(stale), stale.cookies]).toEqual(['INVALID', []]);
      expect(codes(await refresh(kept(changed)))).toEqual([]);
    });

    test.each<[string, (cookie: string) => string, string]>([
      ['empty', () => `${COOKIE}=`, 'INVALID'],
      ['without a value', () => COOKIE, 'INVALID'],
      ['in quotes', (cookie) => cookie.replace('=', '="').concat('"'), 'INVALID'],
      ['with more behind it', (cookie) => `${cookie}=;`, 'INVALID'],
      ['with bytes that are no text', (cookie) => `${cookie}\xff\xfe`, 'INVALID'],
      ['percent-encoded', (cookie) => cookie.replace('=', '=%'), 'INVALID'],
      ['of 10,000 characters', () => `${COOKIE}=${'A'.repeat(10_000)}`, 'INVALID'],
      ['with 10,000 characters behind it', (cookie) => cookie + '!'.repeat(10_000), 'INVALID'],
      ['one too short', (cookie) => cookie.slice(0, -1), 'INVALID'],
      ['doubled', (cookie) => `${cookie}; ${cookie}`, 'INVALID'],
      ['doubled by somebody else', (cookie) => `${cookie}; ${COOKIE}=x`, 'INVALID'],
      ['under another name', (cookie) => cookie.replace('__Host-', ''), 'MISSING'],
      ['not there', () => ';;=; =x; other=1;', 'MISSING'],
    ])('that is %s is refused, and no fault of the server', async (_, spoil, expected) => {
      const ada = await person();

      const answer = await refresh(spoil(ada.cookie));

      expect([codes(answer), reason(answer), answer.cookies]).toEqual([['UNAUTHENTICATED'], expected, []]);
      expect(await rotation(ada.sessionId)).toBe(0);
      expect(app().logged()).not.toContain('unexpected error');
    });

    test('that is longer than all headers may be is refused before it is read', async () => {
      expect((await fetch(app().url, { headers: { cookie: `${COOKIE}=${'A'.repeat(20_000)}` } })).status).toBe(431);
    });

    test('is found among others', async () => {
      const ada = await person();

      const { data } = await refresh(`a=1; ${COOKIE}2=x;${ada.cookie} ;b="2; c=d"`);

      expect(data.refresh.session.id).toBe(ada.sessionId);
    });

    test('is set once by several operations in one request, and the last one says how', async () => {
      const ada = await person();
      const signIn = `login(input: { email: "${ada.email}", password: "${PASSWORD}" }) ${PAYLOAD}`;

      const inAndOut = await send(`mutation { ${signIn} logout { sessionsEnded } }`);
      const outAndIn = await send(`mutation { logout { sessionsEnded } ${signIn} }`, {}, { token: ada.token });

      expect([inAndOut, outAndIn].flatMap(codes)).toEqual([]);
      expect(inAndOut.cookies).toEqual([CLEARED]);
      expect(outAndIn.cookies).toHaveLength(1);
      expect((await refresh(kept(outAndIn))).data.refresh.session.id).toBe(outAndIn.data.login.session.id);
    });

    test('has another beside it that knows the device, also after a logout, and opens nothing', async () => {
      const ada = await person();
      const [device = ''] = ada.answer.devices;
      const cookie = device.split(';')[0] ?? '';
      const expires = /Expires=([^;]+)/.exec(device)?.[1] ?? '';

      const out = await send(LOGOUT, {}, ada);
      const again = await send(SIGN_IN, { input: { email: ada.email, password: PASSWORD } }, { cookie });
      const alone = await refresh(cookie);

      expect(device).toMatch(
        /^__Host-gatehouse-device=[\w-]{91}; Expires=[^;]+; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
      );
      expect(Date.parse(expires) - Date.now()).toBeGreaterThan(399 * 24 * 60 * 60 * 1000);
      expect(out.devices).toEqual([]);
      // It keeps its id, which is the second 16 bytes.
      const idOf = (given: string) =>
        Buffer.from(given.split(/[=;]/)[1] ?? '', 'base64url')
          .subarray(16, 32)
          .toString('hex');
      expect(again.devices.map(idOf)).toEqual([idOf(device)]);
      expect([codes(alone), reason(alone)]).toEqual([['UNAUTHENTICATED'], 'MISSING']);
      expect(
        (
          await send(`mutation ($input: LoginInput!) { login(input: $input) { deviceToken } }`, {
            input: { email: ada.email, password: PASSWORD },
          })
        ).data.login.deviceToken,
      ).toBeNull();
    });

    test('has what no body and no log line has', async () => {
      const ada = await person();
      const next = await refresh(ada.cookie);
      const answers = [
        ada.answer,
        next,
        await refresh(kept(next)),
        await signIn(ada.email),
        await send(REFRESH, { token: ada.cookie.split('=')[1] }, { origin: HERE }),
        await refresh(ada.cookie, 'https://evil.example'),
        await change(ada.cookie, ada.token),
        await refresh(ada.cookie),
        await send(LOGOUT, {}, ada),
      ];
      const tokens = answers.flatMap(({ cookies }) => cookies).map((cookie) => cookie.split(/[=;]/)[1] ?? '');
      const said = answers.map(({ text }) => text).join('\n') + app().logged();

      const secrets = tokens.filter(Boolean);
      expect(secrets).toHaveLength(5);
      expect(secrets.filter((token) => said.includes(token.slice(30)))).toEqual([]);
    });
  },
  {},
  { PUBLIC_URL: HERE, CORS_ORIGINS: FRONT_END, REFRESH_TOKEN_COOKIE: 'true' },
);

describeApi(
  'the cookie with the refresh token, over http',
  (app) => {
    const { kept, person, refresh, send } = browserOf(app);

    test('is plain, and does the same', async () => {
      const ada = await person();
      const expires = new Date(ada.answer.data.register.session.expiresAt).toUTCString();

      const next = await refresh(ada.cookie, 'http://localhost:4000');
      const out = await send(LOGOUT, {}, ada);

      expect(ada.answer.cookies).toEqual([
        expect.stringMatching(`^gatehouse-refresh=[\\w-]{70}; Expires=${expires}; Path=/; HttpOnly; SameSite=Strict$`),
      ]);
      expect([next.data.refresh.session.id, kept(next) === ada.cookie]).toEqual([ada.sessionId, false]);
      expect(out.cookies).toEqual([
        'gatehouse-refresh=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly; SameSite=Strict',
      ]);
    });
  },
  {},
  { PUBLIC_URL: 'http://localhost:4000/auth', REFRESH_TOKEN_COOKIE: 'true' },
);

describeApi('without the setting', (app) => {
  const { send, refresh } = browserOf(app);

  test('the refresh token is in the payload, no cookie is set and none is looked at', async () => {
    const input = { email: 'plain@example.com', password: PASSWORD, name: 'Ada Lovelace' };
    const registered = await send(REGISTER, { input });
    const { accessToken: token, refreshToken } = registered.data.register;
    const cookie = `gatehouse-refresh=${refreshToken}; ${COOKIE}=${refreshToken}`;

    const byCookie = await refresh(cookie, 'http://gatehouse.test');
    const byArgument = await ask(app(), REFRESH, { token: refreshToken });
    const out = await send(LOGOUT, {}, { token, cookie });

    expect(refreshToken).toMatch(/^[\w-]{70}$/);
    expect([codes(byCookie), reason(byCookie)]).toEqual([['UNAUTHENTICATED'], 'INVALID']);
    expect(codes(byArgument)).toEqual([]);
    expect([registered, byCookie, out].flatMap(({ cookies }) => cookies)).toEqual([]);
  });
});
