// The same request twice has one effect and two good answers; each one is sent at once and one after the other.

import { expect, test } from '@jest/globals';
import { describeApi, type TestApp } from '../support/app.js';
import { allSent, sentToken } from '../support/links.js';
import {
  type Answer,
  ask,
  codes,
  LOGIN,
  member,
  PASSWORD,
  type Person,
  REQUEST_PASSWORD_RESET,
} from '../support/people.js';

const TOKENS = '{ accessToken refreshToken user { id email } session { id } }';
const REGISTER = `mutation ($input: RegisterInput!) { register(input: $input) ${TOKENS} }`;
const CHANGE = `mutation ($input: ChangePasswordInput!) { changePassword(input: $input) ${TOKENS} }`;
const RESET = `mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) ${TOKENS} }`;
const REFRESH = `mutation ($token: String!) { refresh(input: { refreshToken: $token }) ${TOKENS} }`;
const NEW_PASSWORD = 'a quite different one';

interface Payload {
  accessToken: string;
  refreshToken: string;
  user: { id: string };
  session: { id: string };
}

const payload = ({ data }: Answer): Payload => Object.values(data as Record<string, Payload>)[0] as Payload;
const refresh = (app: TestApp, token: string) => ask(app, REFRESH, { token });

/** What there is of a user, each kind of thing with its number. */
async function traces(app: TestApp, userId: string) {
  const rows = await app.database.em.execute(
    `select type as what, count(*)::int as count from outbox where subject = ? group by 1
     union all select kind, count(*)::int from mails where user_id = ? group by 1
     union all select action, count(*)::int from audit_events where subject_id = ? and action like '%password%' group by 1`,
    [userId, userId, userId],
  );
  return Object.fromEntries(rows.map(({ what, count }) => [what, count]));
}

describeApi('the same request twice', (app) => {
  const change = (ada: Person, currentPassword = PASSWORD, newPassword = NEW_PASSWORD) =>
    ada.ask(CHANGE, { input: { currentPassword, newPassword } });
  const login = ({ email }: Person, password: string) => ask(app(), LOGIN, { input: { email, password } });
  const register = (email: string, more = {}) =>
    ask(app(), REGISTER, { input: { email, password: PASSWORD, name: 'Ada Lovelace', ...more } });
  const age = (ada: Person, column: string) =>
    app().database.em.execute(`update users set ${column} = ${column} - interval '61 seconds' where id = ?`, [ada.id]);

  type Twice = (request: () => Promise<Answer>) => Promise<Answer[]>;
  const WAYS: [string, Twice][] = [
    ['one after the other', async (request) => [await request(), await request()]],
    ['at once', (request) => Promise.all([request(), request()])],
  ];

  test.each(WAYS)('changes a password once, and both answers are good, %s', async (_, twice) => {
    const ada = await member(app());

    const answers = await twice(() => change(ada));

    expect(answers.flatMap(codes)).toEqual([]);
    const [first, second] = answers.map(payload) as [Payload, Payload];
    expect(second.refreshToken).toBe(first.refreshToken);
    expect([first, second].map(({ session }) => session.id)).toEqual([ada.sessionId, ada.sessionId]);
    const seen = await Promise.all(
      [first, second].map(({ accessToken }) => ask(app(), '{ me { id } }', {}, accessToken)),
    );
    expect(seen.map(({ data }) => data.me.id)).toEqual([ada.id, ada.id]);
    expect(codes(await refresh(app(), second.refreshToken))).toEqual([]);
    expect(await traces(app(), ada.id)).toMatchObject({ 'user.password_changed': 1, password_changed: 1 });
    expect(await traces(app(), ada.id)).not.toHaveProperty(['password_change.failed']);
  });

  test('changes a password to the same one once', async () => {
    const ada = await member(app());

    const answers = [await change(ada, PASSWORD, PASSWORD), await change(ada, PASSWORD, PASSWORD)];

    expect(answers.flatMap(codes)).toEqual([]);
    expect(await traces(app(), ada.id)).toMatchObject({ 'user.password_changed': 1, password_changed: 1 });
  });

  test('is answered with the token that counts by then, where the first answer has been used', async () => {
    const ada = await member(app());
    const first = payload(await change(ada));
    const traded = payload(await refresh(app(), first.refreshToken));

    const second = payload(await change(ada));

    expect(second.refreshToken).toBe(traded.refreshToken);
    expect(codes(await refresh(app(), second.refreshToken))).toEqual([]);
  });

  test('is another request with another new password, from another session, or later', async () => {
    const [ada, late] = [await member(app()), await member(app())];
    await change(ada);
    await change(late);
    const other = payload(await login(ada, NEW_PASSWORD));
    await age(late, 'password_changed_at');

    const answers = [
      await change(ada, PASSWORD, 'yet another one'),
      await ask(app(), CHANGE, { input: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD } }, other.accessToken),
      await change(late),
    ];

    expect(answers.map(codes)).toEqual(Array(3).fill(['INVALID_CREDENTIALS']));
    expect(await traces(app(), ada.id)).toMatchObject({ 'user.password_changed': 1, 'password_change.failed': 2 });
  });

  test.each(WAYS)('makes one account and signs in twice, %s', async (way, twice) => {
    const email = `twice-${way.length}@example.com`;

    const answers = await twice(() => register(email));

    expect(answers.flatMap(codes)).toEqual([]);
    const [first, second] = answers.map(payload) as [Payload, Payload];
    expect(second.user.id).toBe(first.user.id);
    expect(codes(await refresh(app(), first.refreshToken))).toEqual([]);
    expect(codes(await refresh(app(), second.refreshToken))).toEqual([]);
    expect(await traces(app(), first.user.id)).toEqual({ 'user.registered': 1, verify_email: 1 });
  });

  test('is EMAIL_TAKEN with another password or name, for an account that is switched off, and later', async () => {
    const [ada, off, late] = [await member(app()), await member(app()), await member(app())];
    await app().database.em.execute('update users set is_active = false where id = ?', [off.id]);
    await age(late, 'created_at');

    const answers = [
      await register(ada.email, { password: NEW_PASSWORD }),
      await register(ada.email, { name: 'Somebody Else' }),
      await register(off.email),
      await register(late.email),
    ];

    expect(answers.map(codes)).toEqual(Array(4).fill(['EMAIL_TAKEN']));
  });

  test.each(WAYS)('resets a password once and signs in twice, %s', async (_, twice) => {
    const ada = await member(app());
    const token = await resetToken(ada);

    const answers = await twice(() => ask(app(), RESET, { input: { token, newPassword: NEW_PASSWORD } }));

    expect(answers.flatMap(codes)).toEqual([]);
    const [first, second] = answers.map(payload) as [Payload, Payload];
    expect([first, second].map(({ user }) => user.id)).toEqual([ada.id, ada.id]);
    expect(codes(await refresh(app(), first.refreshToken))).toEqual([]);
    expect(codes(await refresh(app(), second.refreshToken))).toEqual([]);
    expect(await traces(app(), ada.id)).toMatchObject({ 'user.password_changed': 1, password_changed: 1 });
  });

  test('is INVALID_TOKEN with another password, for an account that is switched off, and later', async () => {
    const [ada, off, late] = [await member(app()), await member(app()), await member(app())];
    const tokens = [await resetToken(ada), await resetToken(off), await resetToken(late)];
    for (const token of tokens) await ask(app(), RESET, { input: { token, newPassword: NEW_PASSWORD } });
    await app().database.em.execute('update users set is_active = false where id = ?', [off.id]);
    await age(late, 'password_changed_at');

    const again = (token: string | undefined, newPassword = NEW_PASSWORD) =>
      ask(app(), RESET, { input: { token, newPassword } });
    const answers = [await again(tokens[0], 'yet another one'), await again(tokens[1]), await again(tokens[2])];

    expect(answers.map(codes)).toEqual(Array(3).fill(['INVALID_TOKEN']));
  });

  async function resetToken({ email }: Person): Promise<string> {
    await ask(app(), REQUEST_PASSWORD_RESET, { email });
    await allSent(app());
    return sentToken(app(), email, 'reset-password');
  }
});
