// A session says where it was opened and where it was last used; it is used from several places.

import { expect, test } from '@jest/globals';
import { describeApi } from '../support/app.js';
import { ask, LOGIN, member, PASSWORD } from '../support/people.js';

const REFRESH = 'mutation ($token: String!) { refresh(input: { refreshToken: $token }) { accessToken refreshToken } }';
const CHANGE_PASSWORD =
  'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken refreshToken } }';
const SESSIONS =
  '{ me { sessions { current createdAt openedUserAgent openedIpAddress lastUsedAt userAgent ipAddress } } }';

const HOME = { 'user-agent': 'Firefox at home', 'x-forwarded-for': '192.0.2.1' };
const TRAIN = { 'user-agent': 'Phone on the train', 'x-forwarded-for': '2001:db8::7' };
const OPENED_HOME = { openedUserAgent: 'Firefox at home', openedIpAddress: '192.0.2.1' };
const USED_HOME = { userAgent: 'Firefox at home', ipAddress: '192.0.2.1' };
const USED_TRAIN = { userAgent: 'Phone on the train', ipAddress: '2001:db8::7' };

describeApi(
  'a session',
  (app) => {
    /** Somebody who has signed in at home. */
    const atHome = async () => {
      const { id, email } = await member(app());
      const { data } = await ask(app(), LOGIN, { input: { email, password: PASSWORD } }, undefined, HOME);
      const { accessToken: token, refreshToken, session } = data.login;
      return { id, token, refreshToken, sessionId: session.id as string };
    };
    const refresh = async (token: string, from: Record<string, string>) =>
      (await ask(app(), REFRESH, { token }, undefined, from)).data?.refresh;
    const seen = async (token: string) =>
      (await ask(app(), SESSIONS, {}, token)).data.me.sessions.find(({ current }: { current: boolean }) => current);
    const pass = (sessionId: string, seconds: number) =>
      app().database.em.execute(`update sessions set last_used_at = last_used_at - ? * interval '1 s' where id = ?`, [
        seconds,
        sessionId,
      ]);

    test('says where it was opened, which is its first use', async () => {
      const ada = await atHome();

      const session = await seen(ada.token);

      expect(session).toMatchObject({ ...OPENED_HOME, ...USED_HOME });
      expect(session.lastUsedAt).toBe(session.createdAt);
    });

    test('that is refreshed elsewhere says so, beside where it was opened', async () => {
      const ada = await atHome();
      await pass(ada.sessionId, 60);

      await refresh(ada.refreshToken, TRAIN);

      const session = await seen(ada.token);
      expect(session).toMatchObject({ ...OPENED_HOME, ...USED_TRAIN });
      expect(Date.parse(session.lastUsedAt)).toBeGreaterThan(Date.now() - 30_000);
    });

    test('whose password is changed elsewhere says so', async () => {
      const ada = await atHome();
      await pass(ada.sessionId, 60);
      const input = { currentPassword: PASSWORD, newPassword: 'a quite different one' };

      await ask(app(), CHANGE_PASSWORD, { input }, ada.token, TRAIN);

      const session = await seen(ada.token);
      expect(session).toMatchObject({ ...OPENED_HOME, ...USED_TRAIN });
      expect(Date.parse(session.lastUsedAt)).toBeGreaterThan(Date.now() - 30_000);
    });

    test('whose refresh is tried again elsewhere after its answer was lost says so, once the last tokens are old', async () => {
      const ada = await atHome();
      await refresh(ada.refreshToken, HOME);
      await refresh(ada.refreshToken, TRAIN);
      const within = await seen(ada.token);
      await pass(ada.sessionId, 11);
      await refresh(ada.refreshToken, TRAIN);

      expect(within).toMatchObject(USED_HOME);
      expect(await seen(ada.token)).toMatchObject({ ...OPENED_HOME, ...USED_TRAIN });
    });

    test('that ends for a token that came twice is recorded with the address of that request', async () => {
      const ada = await atHome();
      const next = await refresh(ada.refreshToken, HOME);
      await refresh(next.refreshToken, HOME);
      await refresh(ada.refreshToken, TRAIN);

      const recorded = await app().database.em.execute(
        `select ip_address from audit_events where action = 'session.reuse_detected' and subject_id = ?`,
        [ada.id],
      );
      expect(recorded).toEqual([{ ip_address: '2001:db8::7' }]);
    });
  },
  {},
  { TRUST_PROXY: '127.0.0.1' },
);
