// Register and login take what they should, and say the same of known and unknown addresses; both are tried with all
// kinds of input.

import { createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import bcrypt from 'bcrypt';
import jsonwebtoken from 'jsonwebtoken';
import { Passwords } from '../../src/password/password.js';
import { describeApi } from '../support/app.js';
import { clientFrom } from '../support/client-from.js';
import {
  admin,
  ask,
  codes,
  expiredToken,
  LOGIN,
  member,
  PASSWORD,
  type Person,
  REGISTER,
  REQUEST_EMAIL_CHANGE,
} from '../support/people.js';

/** Those of the API of tests, whose cost is 4. */
const RULES = { pepper: 'a pepper for tests, long enough', cost: 4, minLength: 8 };

const CHANGE = 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }';
/** 400 characters, no part of which is like another. */
const TEXT = Array.from({ length: 100 }, (_, index) => `${index + 100}.`).join('');
const ME = '{ me { id email name role { name } createdAt } }';

describeApi('register', (app) => {
  const register = (input: Record<string, unknown>) => ask(app(), REGISTER, { input });

  test('makes a member and signs them in', async () => {
    const ada = await member(app(), { name: '  Ada Lovelace ' });

    const { data } = await ada.ask(ME);

    expect(data.me).toMatchObject({ id: ada.id, name: 'Ada Lovelace', role: { name: 'MEMBER' } });
  });

  test('one mailbox has one spelling, and one open account', async () => {
    const ada = await member(app(), { email: '  ADA.Lovelace@Example.COM ' });

    const again = await register({ email: 'ada.lovelace@EXAMPLE.com', password: PASSWORD, name: 'Ada' });
    const fullWidth = await register({ email: 'ada.lovelace＠example.com', password: PASSWORD, name: 'Ada' });

    expect(ada.email).toBe('ada.lovelace@example.com');
    expect(codes(again)).toEqual(['EMAIL_TAKEN']);
    expect(codes(fullWidth)).toEqual(['EMAIL_TAKEN']);
  });

  test('of many at once with one address the first gets it', async () => {
    const spellings = Array.from({ length: 20 }, (_, index) => (index % 2 ? 'RACE@example.com' : 'race@Example.com'));

    const answers = await Promise.all(
      spellings.map((email, index) => register({ email, password: PASSWORD, name: `Racer ${index}` })),
    );

    const failed = answers.flatMap(codes);
    expect(failed).toEqual(Array.from({ length: 19 }, () => 'EMAIL_TAKEN'));
    const events = await app().database.em.execute(
      `select count(*)::int as count from outbox o join users u on u.id::text = o.subject where u.email = 'race@example.com'`,
    );
    expect(events).toEqual([{ count: 1 }]);
  });

  test('what fails for one does not touch what others do at the same time', async () => {
    await member(app(), { email: 'taken@example.com' });
    const emails = Array.from({ length: 40 }, (_, index) =>
      index % 2 ? 'taken@example.com' : `new${index}@example.com`,
    );

    const answers = await Promise.all(emails.map((email) => register({ email, password: PASSWORD, name: 'Parallel' })));

    expect(answers.map((answer) => codes(answer)[0] ?? 'made')).toEqual(
      emails.map((email) => (email === 'taken@example.com' ? 'EMAIL_TAKEN' : 'made')),
    );
    const rows = await app().database.em.execute(`select email from users where email like 'new%' order by created_at`);
    expect(rows).toHaveLength(emails.filter((email) => email !== 'taken@example.com').length);
  });

  test('an address is free again when its account is closed', async () => {
    const first = await member(app(), { email: 'again@example.com' });
    await first.ask('mutation ($id: ID!) { deleteUser(id: $id) { id } }', { id: first.id });

    const second = await member(app(), { email: 'again@example.com' });

    expect(second.id).not.toBe(first.id);
  });

  test.each([
    ['not an address', { email: 'nope' }],
    ['an address that is too long', { email: `${'a'.repeat(250)}@example.com` }],
    ['an empty name', { name: '   ' }],
    ['a name that is too long', { name: 'x'.repeat(101) }],
    ['a name with control characters', { name: 'a\u001b[31mb' }],
    ['half a character', { name: '\ud800' }],
    ['a password that is too long', { password: 'x'.repeat(129) }],
    ['a password with half a character', { password: 'long enough \udfff' }],
  ])('refuses %s', async (_, wrong) => {
    const answer = await register({ email: 'someone@example.com', password: PASSWORD, name: 'Somebody', ...wrong });

    expect(codes(answer)).toEqual(['BAD_USER_INPUT']);
    expect(answer.text).not.toContain(Object.values(wrong)[0]?.slice(0, 20).trim() || 'nothing to find');
  });

  test.each([
    ['short', 'seven77'],
    ['common', 'PassWord123'],
    ["development's own", 'admin1234'],
    ['the address', 'somebody@example.com'],
    ['the name', 'Somebody Else'],
  ])('refuses a password that is %s (A14)', async (_, password) => {
    const answer = await register({ email: 'somebody@example.com', password, name: 'Somebody Else' });

    expect(codes(answer)).toEqual(['WEAK_PASSWORD']);
    expect(answer.errors[0]?.extensions.path).toBe('input.password');
  });

  test('takes no role, id or date from the client (A16)', async () => {
    for (const extra of [{ role: 'ADMIN' }, { roleId: 'x' }, { id: 'x' }, { isActive: true }, { __proto__x: 1 }]) {
      const answer = await register({ email: 'mass@example.com', password: PASSWORD, name: 'Mass', ...extra });
      expect(codes(answer)).toEqual(['BAD_USER_INPUT']);
    }
  });
});

describeApi('login', (app) => {
  const login = (email: string, password: string) => ask(app(), LOGIN, { input: { email, password } });

  test('signs in with any spelling of the address', async () => {
    const ada = await member(app());

    const { data } = await login(` ${ada.email.toUpperCase()} `, PASSWORD);

    expect(data.login.user.id).toBe(ada.id);
  });

  test('the signed-in user is the viewer for the rest of the operation', async () => {
    const ada = await member(app());
    const query = `mutation ($email: EmailAddress!, $password: String!, $id: ID!) {
      login(input: { email: $email, password: $password }) { user { name role { name } } }
      deleteUser(id: $id) { id }
      again: deleteUser(id: $id) { id }
    }`;

    const { data, errors } = await ask(app(), query, { email: ada.email, password: PASSWORD, id: ada.id });

    expect(data).toBeNull();
    expect(errors.map(({ path, extensions }) => [path, extensions.code, extensions.reason])).toEqual([
      [['again'], 'UNAUTHENTICATED', 'REVOKED'],
    ]);
  });

  test('a wrong password, an unknown address and a closed account look the same (A10)', async () => {
    const [ada, gone] = [await member(app()), await member(app())];
    await gone.ask('mutation ($id: ID!) { deleteUser(id: $id) { id } }', { id: gone.id });

    const wrong = await login(ada.email, 'not the password');
    const unknown = await login('nobody@example.com', PASSWORD);
    const closed = await login(gone.email, PASSWORD);

    expect(codes(wrong)).toEqual(['INVALID_CREDENTIALS']);
    expect(unknown.text).toBe(wrong.text);
    expect(closed.text).toBe(wrong.text);
  });

  test('an account that is switched off says so only to who knows the password', async () => {
    const ada = await member(app());
    await app().database.em.execute('update users set is_active = false where id = ?', [ada.id]);

    expect(codes(await login(ada.email, PASSWORD))).toEqual(['ACCOUNT_DISABLED']);
    expect(codes(await login(ada.email, 'not the password'))).toEqual(['INVALID_CREDENTIALS']);
  });

  test('every character of a long password counts (A12)', async () => {
    const password = '🔐'.repeat(127);
    const email = 'long@example.com';
    await ask(app(), REGISTER, { input: { email, password: `${password}a`, name: 'Long' } });

    expect(codes(await login(email, `${password}b`))).toEqual(['INVALID_CREDENTIALS']);
    expect(codes(await login(email, `${password}a`))).toEqual([]);
  });

  test('one password typed in two ways is one password (A13)', async () => {
    const email = 'accent@example.com';
    await ask(app(), REGISTER, { input: { email, password: 'caf\u00e9 au lait', name: 'Café' } });

    expect(codes(await login(email, 'cafe\u0301 au lait'))).toEqual([]);
  });

  test('a plain bcrypt hash of old still signs in, and is renewed', async () => {
    const ada = await member(app());
    const { em } = app().database;
    const old = await bcrypt.hash('an old password', 5);
    await em.execute('update users set password_hash = ? where id = ?', [old, ada.id]);

    const first = await login(ada.email, 'an old password');
    const [row] = await em.execute('select password_hash from users where id = ?', [ada.id]);
    const second = await login(ada.email, 'an old password');

    expect([codes(first), codes(second)]).toEqual([[], []]);
    expect(row?.password_hash).toMatch(/^p1\$2b\$04\$/);
  });

  describe.each([
    ['an imported hash', (password: string) => bcrypt.hash(password, 4)],
    [
      'a hash of another cost',
      (password: string) => new Passwords({ ...RULES, cost: 5 }).hash(clientFrom('127.0.0.1'), password),
    ],
  ])('while %s is renewed, the right password', (_, oldHash) => {
    const owner = async () => {
      const ada = await member(app());
      await setHash(ada, await oldHash(PASSWORD));
      return ada;
    };
    const failures = ({ id }: Person) =>
      app().database.em.execute(`select action from audit_events where subject_id = ? and result = 'failed'`, [id]);
    const several = <T>(request: () => Promise<T>) => Promise.all(Array.from({ length: 5 }, request));

    test('signs in, of many logins at once each', async () => {
      const ada = await owner();
      const { email } = ada;

      const answers = await several(() => login(email, PASSWORD));

      expect(answers.flatMap(codes)).toEqual([]);
      expect(await failures(ada)).toEqual([]);
      const [row] = await app().database.em.execute(
        'select password_hash, updated_at = created_at as untouched from users where id = ?',
        [ada.id],
      );
      expect(row).toEqual({ password_hash: expect.stringMatching(/^p1\$2b\$04\$/), untouched: true });
    });

    test('is good for another address', async () => {
      const ada = await owner();
      const request = () => ada.ask(REQUEST_EMAIL_CHANGE, { newEmail: 'renewed@example.com' });

      const answers = await Promise.all([several(() => login(ada.email, PASSWORD)), several(request)]);

      expect(answers.flat().flatMap(codes)).toEqual([]);
      expect(await failures(ada)).toEqual([]);
    });

    test('is good for another password', async () => {
      const ada = await owner();
      const change = () =>
        ada.ask(CHANGE, { input: { currentPassword: PASSWORD, newPassword: 'a quite different one' } });

      const [, changed] = await Promise.all([several(() => login(ada.email, PASSWORD)), change()]);

      expect(codes(changed)).toEqual([]);
      expect(codes(await login(ada.email, 'a quite different one'))).toEqual([]);
      expect(await failures(ada)).not.toContainEqual({ action: 'password_change.failed' });
    });
  });

  describe.each<[string, string, string]>([
    ['of 200 characters', TEXT.slice(0, 200), '$2b$'],
    ['of 30 characters and 86 bytes', `${'암호는길다'.repeat(6).slice(0, 28)}12`, '$2b$'],
    ['of exactly 72 bytes', TEXT.slice(0, 72), '$2b$'],
    ['of 200 characters under $2a$', TEXT.slice(0, 200), '$2a$'],
    ['of 300 characters under $2a$', TEXT.slice(0, 300), '$2a$'],
    ['of 4,000 characters', TEXT.repeat(10).slice(0, 4000), '$2b$'],
  ])('an imported hash of a password %s', (_, password, prefix) => {
    const imported = async () => {
      const ada = await member(app());
      const old = (await bcrypt.hash(password, 4)).replace('$2b$', prefix);
      await setHash(ada, old);
      return ada;
    };

    test('signs in with all that the old system took, before and after it is renewed', async () => {
      const ada = await imported();
      const wrongEnd = `${Buffer.from(password).subarray(0, 72)}, ended otherwise`;

      const first = await login(ada.email, wrongEnd);
      const renewed = await hashOf(ada);
      const others = [
        await login(ada.email, password),
        await login(ada.email, wrongEnd),
        await login(ada.email, password),
      ];

      expect([first, ...others].flatMap(codes)).toEqual([]);
      expect(renewed).toMatch(/^p72\$2b\$04\$/);
      expect(await hashOf(ada)).toBe(renewed);
      expect(codes(await login(ada.email, password.slice(1)))).toEqual(['INVALID_CREDENTIALS']);
      expect(codes(await login(ada.email, Buffer.from(password).subarray(0, 71).toString('latin1')))).toEqual([
        'INVALID_CREDENTIALS',
      ]);
    });

    test('is good for another address and for another password, of which every character counts', async () => {
      const ada = await imported();
      const newPassword = TEXT.slice(0, 128);

      const moved = await ada.ask(REQUEST_EMAIL_CHANGE, { newEmail: 'long-ago@example.com', password });
      const tooLong = await ada.ask(CHANGE, { input: { currentPassword: password, newPassword: TEXT.slice(0, 129) } });
      const changed = await ada.ask(CHANGE, { input: { currentPassword: password, newPassword } });

      expect([codes(moved), codes(tooLong), codes(changed)]).toEqual([[], ['BAD_USER_INPUT'], []]);
      expect(codes(await login(ada.email, newPassword))).toEqual([]);
      expect(codes(await login(ada.email, `${newPassword.slice(0, 127)}!`))).toEqual(['INVALID_CREDENTIALS']);
      expect(await hashOf(ada)).toMatch(/^p1\$/);
    });
  });

  test('an old $2a$ hash of a length that wrapped round signs in, and stays as it is', async () => {
    const ada = await member(app());
    const password = TEXT.slice(0, 280);
    const old = await bcrypt.hash(password, await bcrypt.genSalt(4, 'a'));
    await setHash(ada, old);

    const right = await login(ada.email, password);
    const wrong = await login(ada.email, `${TEXT.slice(0, 20)}${'!'.repeat(260)}`);

    expect([codes(right), codes(wrong)]).toEqual([[], ['INVALID_CREDENTIALS']]);
    expect(await hashOf(ada)).toBe(old);
  });

  test.each([
    ['decomposed', 'cafe\u0301 au lait'],
    ['of compatibility characters', 'ﬁne café ａｔ ①'],
    ['longer when it is normalised', 'ﷺ'.repeat(20)],
  ])(
    'an imported hash of a text that is %s signs in as it was typed, before and after it is renewed',
    async (_, text) => {
      const ada = await member(app());
      await setHash(ada, await bcrypt.hash(text, 4));

      const answers = [await login(ada.email, text), await login(ada.email, text)];

      expect(answers.flatMap(codes)).toEqual([]);
      expect(await hashOf(ada)).toMatch(/^p1\$/);
    },
  );

  const setHash = ({ id }: Person, hash: string) =>
    app().database.em.execute('update users set password_hash = ? where id = ?', [hash, id]);
  const hashOf = async ({ id }: Person) =>
    (await app().database.em.execute('select password_hash from users where id = ?', [id]))[0]?.password_hash;

  test('a text that is too long for any password is refused before it is compared', async () => {
    expect(codes(await login('nobody@example.com', 'x'.repeat(4096)))).toEqual(['INVALID_CREDENTIALS']);
    expect(codes(await login('nobody@example.com', 'x'.repeat(4097)))).toEqual(['BAD_USER_INPUT']);
  });

  test('a bad token does not stand in its way', async () => {
    const ada = await member(app());

    const { data } = await ask(app(), LOGIN, { input: { email: ada.email, password: PASSWORD } }, 'rubbish');

    expect(data.login.user.id).toBe(ada.id);
  });
});

describeApi('an access token', (app) => {
  const reason = async (token: string | undefined) => {
    const { errors } = await ask(app(), '{ roles { name } }', {}, token);
    return errors[0]?.extensions.reason ?? errors[0]?.extensions.code;
  };
  const claims = (sub: string, sid: string) => {
    const now = Math.floor(Date.now() / 1000);
    return { iss: app().config.publicUrl, aud: app().config.publicUrl, sub, sid, iat: now, exp: now + 60 };
  };

  test('is verified by its public key alone', async () => {
    const ada = await member(app());
    const jwks = (await (await fetch(`${app().url}/.well-known/jwks.json`)).json()) as {
      keys: (JsonWebKey & { kid: string })[];
    };
    const { header } = jsonwebtoken.decode(ada.token, { complete: true }) as { header: { kid: string; typ: string } };
    const key = jwks.keys.find(({ kid }) => kid === header.kid) ?? {};

    const payload = jsonwebtoken.verify(ada.token, createPublicKey({ key, format: 'jwk' }), { algorithms: ['ES256'] });

    expect(payload.sub).toBe(ada.id);
    expect(header.typ).toBe('at+jwt');
    expect(key).not.toHaveProperty('d');
    expect(Object.keys(payload).sort()).toEqual(['aud', 'client_id', 'exp', 'iat', 'iss', 'jti', 'sid', 'sub']);
  });

  test('is refused for what is wrong with it', async () => {
    const root = await admin(app());
    const { privateKey: foreign } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const [head = '', body = '', signature = ''] = root.token.split('.');
    const alter = (part: string, change: object) =>
      Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(part, 'base64url').toString()), ...change })).toString(
        'base64url',
      );

    expect(await reason(undefined)).toBe('MISSING');
    expect(await reason(root.token)).toBeUndefined();
    expect(await reason(expiredToken(app(), root))).toBe('EXPIRED');
    const bad = [
      'rubbish',
      `${head}.${body}.`,
      `${head}.${alter(body, { sub: '01900000-0000-7000-8000-000000000000' })}.${signature}`,
      `${alter(head, { alg: 'none' })}.${body}.`,
      `${alter(head, { alg: 'HS256' })}.${body}.${signature}`,
      `${head}.${Buffer.from('no json').toString('base64url')}.${signature}`,
      jsonwebtoken.sign(claims(root.id, root.sessionId), foreign, { algorithm: 'ES256' }),
      jsonwebtoken.sign(claims(root.id, root.sessionId), 'a shared secret', { algorithm: 'HS256' }),
    ];
    for (const token of bad) expect([token, await reason(token)]).toEqual([token, 'INVALID']);
  });

  test('is refused if it is not exactly an access token of ours (A17, A18)', async () => {
    const root = await admin(app());
    const { header } = jsonwebtoken.decode(root.token, { complete: true }) as { header: jsonwebtoken.JwtHeader };
    const key = app().signingKey;
    const sign = (payload: object, change: object = {}) =>
      jsonwebtoken.sign(payload, key, { algorithm: 'ES256', header: { ...header, alg: 'ES256', ...change } });
    const { exp: _, ...immortal } = claims(root.id, root.sessionId);

    expect(await reason(sign(claims(root.id, root.sessionId)))).toBeUndefined();
    const bad = [
      sign(claims(root.id, root.sessionId), { typ: 'JWT' }),
      sign(claims(root.id, root.sessionId), { kid: 'another' }),
      sign(claims(root.id, root.sessionId), { crit: ['b64'] }),
      sign(immortal),
      sign({ ...claims(root.id, root.sessionId), iss: 'https://elsewhere.example' }),
      sign({ ...claims(root.id, root.sessionId), aud: 'https://elsewhere.example' }),
      sign(claims('admin', root.sessionId)),
      sign({ ...claims(root.id, root.sessionId), sid: 'none' }),
    ];
    for (const token of bad) expect([token, await reason(token)]).toEqual([token, 'INVALID']);
  });

  test('that has expired is told so also when its key has gone, so that its client refreshes', async () => {
    const root = await admin(app());
    const { privateKey: gone } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const payload = { ...claims(root.id, root.sessionId), exp: Math.floor(Date.now() / 1000) - 1 };

    expect(await reason(jsonwebtoken.sign(payload, gone, { algorithm: 'ES256', keyid: 'gone' }))).toBe('EXPIRED');
  });

  test('me is null without a good one', async () => {
    for (const token of [undefined, 'rubbish']) {
      const { data, errors } = await ask(app(), ME, {}, token);
      expect([data, errors]).toEqual([{ me: null }, []]);
    }
  });

  test('ends with its account, at the next request', async () => {
    const ada = await member(app());
    await ada.ask(ME);
    await ada.ask('mutation ($id: ID!) { deleteUser(id: $id) { id } }', { id: ada.id });

    expect(await reason(ada.token)).toBe('REVOKED');
  });
});
