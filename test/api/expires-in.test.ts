// The seconds that an answer gives are right and never negative; they are compared with the times of token and
// session.

import { expect, test } from '@jest/globals';
import { describeApi } from '../support/app.js';
import { sentToken } from '../support/links.js';
import { ask, member, PASSWORD, REQUEST_PASSWORD_RESET } from '../support/people.js';

const PAYLOAD =
  '{ accessToken accessTokenExpiresAt accessTokenExpiresIn refreshToken session { id expiresAt expiresIn } }';
const LOGIN = `mutation ($email: EmailAddress!, $password: String!) { signIn: login(input: { email: $email, password: $password }) ${PAYLOAD} }`;
const REFRESH = `mutation ($token: String!) { signIn: refresh(input: { refreshToken: $token }) ${PAYLOAD} }`;
const CHANGE = `mutation ($input: ChangePasswordInput!) { signIn: changePassword(input: $input) ${PAYLOAD} }`;
const RESET = `mutation ($input: ResetPasswordInput!) { signIn: resetPassword(input: $input) ${PAYLOAD} }`;
const REGISTER = `mutation ($input: RegisterInput!) { signIn: register(input: $input) ${PAYLOAD} }`;

const DAY_SECONDS = 24 * 60 * 60;
const newPassword = 'a quite different one';

describeApi('what runs out', (app) => {
  const { parse } = Date;

  test.each<[string, () => Promise<Awaited<ReturnType<typeof ask>>>]>([
    [
      'register',
      () => ask(app(), REGISTER, { input: { email: 'seconds@example.com', password: PASSWORD, name: 'Ada' } }),
    ],
    [
      'login',
      async () => {
        const { email } = await member(app());
        return ask(app(), LOGIN, { email, password: PASSWORD });
      },
    ],
    ['refresh', async () => ask(app(), REFRESH, { token: (await member(app())).refreshToken })],
    [
      'changePassword',
      async () => (await member(app())).ask(CHANGE, { input: { currentPassword: PASSWORD, newPassword } }),
    ],
    [
      'resetPassword',
      async () => {
        const { email } = await member(app());
        await ask(app(), REQUEST_PASSWORD_RESET, { email });
        return ask(app(), RESET, { input: { token: await sentToken(app(), email, 'reset-password'), newPassword } });
      },
    ],
  ])('is also told in seconds from the answer of %s on', async (_, signIn) => {
    const { data } = await signIn();

    const { accessTokenExpiresAt, accessTokenExpiresIn, session } = data.signIn;
    const secondsUntil = (time: string) => (parse(time) - Date.now()) / 1000;
    expect(accessTokenExpiresIn).toBe(900);
    expect(Math.abs(accessTokenExpiresIn - secondsUntil(accessTokenExpiresAt))).toBeLessThan(5);
    expect(session.expiresIn).toBeLessThanOrEqual(30 * DAY_SECONDS);
    expect(Math.abs(session.expiresIn - secondsUntil(session.expiresAt))).toBeLessThan(5);
  });

  test('in a list of sessions is never negative', async () => {
    const ada = await member(app());
    const listed = async (sql: string) => {
      await app().database.em.execute(`update sessions set expires_at = now() + interval '${sql}' where id = ?`, [
        ada.sessionId,
      ]);
      return (await ada.ask('{ me { sessions { expiresIn } } }')).data.me.sessions;
    };

    expect((await listed('90 seconds'))[0].expiresIn).toBeGreaterThan(80);
    expect((await listed('90 seconds'))[0].expiresIn).toBeLessThanOrEqual(90);
    for (const { expiresIn } of await listed('100 milliseconds')) expect(expiresIn).toBe(0);
  });

  test('with its session has the seconds of the session', async () => {
    const ada = await member(app());
    const { em } = app().database;
    await em.execute(
      `update sessions set created_at = now() - interval '90 days' + interval '100 seconds' where id = ?`,
      [ada.sessionId],
    );

    const { accessTokenExpiresIn, session } = (await ask(app(), REFRESH, { token: ada.refreshToken })).data.signIn;

    expect(accessTokenExpiresIn).toBeGreaterThan(80);
    expect(accessTokenExpiresIn).toBeLessThanOrEqual(100);
    expect(session.expiresIn).toBeLessThanOrEqual(100);
  });
});
