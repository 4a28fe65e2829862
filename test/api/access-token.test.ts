// Every access token has the claims of RFC 9068; each operation that issues one is asked, and its token is read.

import { expect, test } from '@jest/globals';
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';
import { describeApi } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { sentToken } from '../support/links.js';
import {
  ask,
  codes,
  expiredToken,
  LOGIN,
  member,
  PASSWORD,
  REGISTER,
  REQUEST_PASSWORD_RESET,
} from '../support/people.js';

const REFRESH = 'mutation ($token: String!) { refresh(input: { refreshToken: $token }) { accessToken } }';
const RENAME = 'mutation { updateProfile(input: { name: "Ada" }) { id } }';
const LOGOUT = 'mutation { logout { sessionsEnded } }';
const CHANGE = 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }';
const RESET = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { accessToken } }';
const newPassword = 'a quite different one';

/** RFC 9068, 2.2. */
const REQUIRED = ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'];

describeApi('an access token', (app) => {
  /** As a service does that knows nothing but the issuer (RFC 9068, 4). */
  const verified = async (token: string): Promise<JWTPayload> => {
    const keys = createRemoteJWKSet(new URL(`${app().url}/.well-known/jwks.json`));
    const issuer = app().config.publicUrl;
    const options = { issuer, audience: issuer, typ: 'at+jwt', algorithms: ['ES256'], requiredClaims: REQUIRED };
    return (await jwtVerify(token, keys, options)).payload;
  };

  test('of every operation that gives one has all claims that RFC 9068 requires', async () => {
    const ada = await member(app());
    const { email } = ada;
    const input = { email: 'claims@example.com', password: PASSWORD, name: 'Claims' };
    const { register } = (await ask(app(), REGISTER, { input })).data;
    const { login } = (await ask(app(), LOGIN, { input: { email, password: PASSWORD } })).data;
    const { refresh } = (await ask(app(), REFRESH, { token: ada.refreshToken })).data;
    const { changePassword } = (await ada.ask(CHANGE, { input: { currentPassword: PASSWORD, newPassword } })).data;
    await ask(app(), REQUEST_PASSWORD_RESET, { email });
    const token = await sentToken(app(), email, 'reset-password');
    const { resetPassword } = (await ask(app(), RESET, { input: { token, newPassword: PASSWORD } })).data;
    const given = { register, login, refresh, changePassword, resetPassword };

    const ids = new Set<unknown>();
    for (const [operation, { accessToken }] of Object.entries(given)) {
      const { sub, client_id, iat = 0, exp = 0, jti } = await verified(accessToken);
      const subject = operation === 'register' ? register.user.id : ada.id;
      expect([operation, sub, client_id, exp - iat]).toEqual([operation, subject, 'gatehouse', 900]);
      ids.add(jti);
    }
    expect(ids.size).toBe(Object.keys(given).length);
  });

  test('that does not count is told by a header, also where the answer has no error', async () => {
    const [ada, bob] = [await member(app()), await member(app())];
    await bob.ask(LOGOUT);
    // The first time by Apollo, then directly.
    const header = async (token: string | undefined, query = '{ me { id } }') => {
      const answers = [await ask(app(), query, {}, token), await ask(app(), query, {}, token)];
      return answers.map(({ headers }) => headers.get('www-authenticate'));
    };

    const twice = Array(2).fill('Bearer error="invalid_token"');
    for (const token of ['rubbish', `${ada.token}x`, expiredToken(app(), ada), bob.token]) {
      expect([token, await header(token)]).toEqual([token, twice]);
      expect([token, await header(token, RENAME)]).toEqual([token, twice]);
    }
    expect(await header(undefined)).toEqual([null, null]);
    expect(await header(undefined, RENAME)).toEqual([null, null]);
    expect(await header(ada.token)).toEqual([null, null]);
    const { headers } = await ada.ask(LOGOUT);
    expect(headers.get('www-authenticate')).toBeNull();
  });

  test('that was taken before is refused when its time is over, and when its session is', async () => {
    const [ada, bob] = [await member(app()), await member(app())];
    const { tokens } = app();
    const soon = new Date(Date.now() + 3_000);
    const [short, long] = [
      tokens.issue(ada.id, { id: ada.sessionId, expiresAt: soon }).accessToken,
      tokens.issue(bob.id, { id: bob.sessionId, expiresAt: new Date(Date.now() + 900_000) }).accessToken,
    ];
    const answers = (token: string) => ask(app(), RENAME, {}, token);
    for (const token of [short, short, long, long]) expect(codes(await answers(token))).toEqual([]);

    await bob.ask('mutation { logoutEverywhere { sessionsEnded } }');

    expect((await answers(long)).errors).toMatchObject([{ extensions: { reason: 'REVOKED' } }]);
    await eventually(async () =>
      expect((await answers(short)).errors).toMatchObject([{ extensions: { reason: 'EXPIRED' } }]),
    );
  });
});
