// A refresh token is traded once, and a session that ended is refused at once; tokens are traded, replayed and aged.

import { expect, test } from '@jest/globals';
import { describeApi } from '../support/app.js';
import { admin, ask, codes, DELETE_USER, expiredToken, LOGIN, member, PASSWORD } from '../support/people.js';

const REFRESH = `mutation ($token: String!) {
  refresh(input: { refreshToken: $token }) {
    accessToken accessTokenExpiresAt refreshToken
    session { id current lastUsedAt expiresAt }
    user { id }
  }
}`;
const SESSIONS = '{ me { sessions { id current userAgent ipAddress createdAt expiresAt } } }';
const ROLES = '{ me { id } }';

describeApi(
  'sessions',
  (app) => {
    const refresh = (token: string) => ask(app(), REFRESH, { token });
    const reason = ({ errors }: Awaited<ReturnType<typeof ask>>) => errors[0]?.extensions.reason;
    const signIn = async (email: string) =>
      (await ask(app(), LOGIN, { input: { email, password: PASSWORD } })).data.login;
    const stands = async (token: string) => (await ask(app(), ROLES, {}, token)).data.me !== null;
    const events = (userId: string) =>
      app().database.em.execute(`select type from outbox where subject = ? and type like 'session.%'`, [userId]);

    test('a refresh token is traded for the next pair, of the same session', async () => {
      const ada = await member(app());

      const { data } = await refresh(ada.refreshToken);

      expect(data.refresh).toMatchObject({ session: { id: ada.sessionId, current: true }, user: { id: ada.id } });
      expect(data.refresh.refreshToken).not.toBe(ada.refreshToken);
      expect(await stands(data.refresh.accessToken)).toBe(true);
      expect((await refresh(data.refresh.refreshToken)).data.refresh.session.id).toBe(ada.sessionId);
    });

    test('of many tabs that trade one token at once all get the same next one', async () => {
      const ada = await member(app());

      const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(ada.refreshToken)));

      expect(answers.flatMap(codes)).toEqual([]);
      expect(new Set(answers.map(({ data }) => data.refresh.refreshToken)).size).toBe(1);
    });

    test('a token from two trades ago ends the family at once', async () => {
      const ada = await member(app());
      const first = await refresh(ada.refreshToken);
      await refresh(first.data.refresh.refreshToken);

      expect(reason(await refresh(ada.refreshToken))).toBe('REVOKED');
      expect(await events(ada.id)).toHaveLength(1);
    });

    test('whoever knows only the id of a session can end nothing with an invented token', async () => {
      const ada = await member(app());
      const bytes = Buffer.from(ada.refreshToken, 'base64url');
      bytes.fill(7, 20);

      const forged = await refresh(bytes.toString('base64url'));
      const nonsense = await refresh('nonsense');

      expect([forged, nonsense].map(reason)).toEqual(['INVALID', 'INVALID']);
      expect(await stands(ada.token)).toBe(true);
      expect(await events(ada.id)).toEqual([]);
    });

    test('a session that was idle too long, or has lived too long, is over', async () => {
      const [idle, old] = [await member(app()), await member(app())];
      const { em } = app().database;
      await em.execute(`update sessions set expires_at = now() - interval '1 second' where id = ?`, [idle.sessionId]);
      await em.execute(`update sessions set created_at = now() - interval '89 days' where id = ?`, [old.sessionId]);

      expect(reason(await refresh(idle.refreshToken))).toBe('EXPIRED');
      await refresh(old.refreshToken);
      const [row] = await em.execute(
        `select expires_at < now() + interval '2 days' as capped from sessions where id = ?`,
        [old.sessionId],
      );
      expect(row).toEqual({ capped: true });
    });

    test('its last access token ends with it', async () => {
      const ada = await member(app());
      await app().database.em.execute(
        `update sessions set created_at = now() - interval '90 days' + interval '5 minutes' where id = ?`,
        [ada.sessionId],
      );

      const { session, accessTokenExpiresAt } = (await refresh(ada.refreshToken)).data.refresh;

      expect(Date.parse(accessTokenExpiresAt)).toBe(Math.floor(Date.parse(session.expiresAt) / 1000) * 1000);
      expect(Date.parse(accessTokenExpiresAt)).toBeLessThanOrEqual(Date.now() + 5 * 60_000);
    });

    test('are listed for the user, with the one of the request marked, and for admins', async () => {
      const [ada, root] = [await member(app()), await admin(app())];
      const second = await signIn(ada.email);

      const { data } = await ask(app(), SESSIONS, {}, second.accessToken);
      const seen = await root.ask('query ($id: ID!) { user(id: $id) { sessions { id current } } }', { id: ada.id });

      expect(data.me.sessions.map(({ id, current }: { id: string; current: boolean }) => [id, current])).toEqual([
        [second.session.id, true],
        [ada.sessionId, false],
      ]);
      expect(data.me.sessions[0]).toMatchObject({ userAgent: 'node', ipAddress: '127.0.0.1' });
      expect(seen.data.user.sessions).toHaveLength(2);
      expect(seen.data.user.sessions.every(({ current }: { current: boolean }) => !current)).toBe(true);
    });

    test('logout ends this one, at the next request; the others stand', async () => {
      const ada = await member(app());
      const other = await signIn(ada.email);

      const { data } = await ada.ask('mutation { logout { sessionsEnded } }');

      expect(data.logout).toEqual({ sessionsEnded: 1 });
      expect([await stands(ada.token), await stands(other.accessToken)]).toEqual([false, true]);
      expect(reason(await refresh(ada.refreshToken))).toBe('REVOKED');
    });

    test('logout ends this one also by an access token that has run out, which ends no other', async () => {
      const ada = await member(app());
      const other = (await ask(app(), LOGIN, { input: { email: ada.email, password: ada.password } })).data.login;
      const logout = (name: string, token: string) => ask(app(), `mutation { ${name} { sessionsEnded } }`, {}, token);
      const expired = expiredToken(app(), ada);

      const everywhere = await logout('logoutEverywhere', expired);
      const forged = await logout('logout', `${expired.slice(0, -10)}AAAAAAAAAA`);
      const [first, again] = [await logout('logout', expired), await logout('logout', ada.token)];

      expect([everywhere, forged].map(({ errors }) => errors[0]?.extensions.reason)).toEqual(['EXPIRED', 'INVALID']);
      expect([first.data, again.data]).toEqual([{ logout: { sessionsEnded: 1 } }, { logout: { sessionsEnded: 0 } }]);
      expect((await ask(app(), '{ me { id } }', {}, ada.token)).data.me).toBeNull();
      expect((await ask(app(), '{ me { id } }', {}, other.accessToken)).data.me).toEqual({ id: ada.id });
    });

    test('logoutEverywhere ends all', async () => {
      const ada = await member(app());
      const other = await signIn(ada.email);

      const { data } = await ada.ask('mutation { logoutEverywhere { sessionsEnded } }');

      expect(data.logoutEverywhere).toEqual({ sessionsEnded: 2 });
      expect([await stands(ada.token), await stands(other.accessToken)]).toEqual([false, false]);
    });

    test("revokeSession ends one of the viewer's own, and nobody else's", async () => {
      const [ada, eve] = [await member(app()), await member(app())];
      const other = await signIn(ada.email);
      const REVOKE = 'mutation ($id: ID!) { revokeSession(id: $id) { sessionsEnded } }';

      const own = await ada.ask(REVOKE, { id: other.session.id });
      const again = await ada.ask(REVOKE, { id: other.session.id });
      const foreign = await ada.ask(REVOKE, { id: eve.sessionId });

      expect([own, again, foreign].map(({ data }) => data.revokeSession.sessionsEnded)).toEqual([1, 0, 0]);
      expect([await stands(other.accessToken), await stands(ada.token), await stands(eve.token)]).toEqual([
        false,
        true,
        true,
      ]);
    });

    test('end with their account', async () => {
      const ada = await member(app());
      await ada.ask(DELETE_USER, { id: ada.id });

      expect(reason(await refresh(ada.refreshToken))).toBe('REVOKED');
    });

    test('nothing of a refresh token is in the database', async () => {
      const ada = await member(app());
      const rows = JSON.stringify(await app().database.em.execute('select * from sessions'));

      expect(rows).toContain(ada.sessionId);
      expect(rows).not.toContain(ada.refreshToken.slice(30));
    });
  },
  {},
  { DELETION_GRACE: 'P1D' },
);

describeApi('the account', (app) => {
  const stands = async (token: string) => (await ask(app(), ROLES, {}, token)).data.me !== null;

  test('changePassword keeps this session with new tokens and ends the others', async () => {
    const ada = await member(app());
    const other = (await ask(app(), LOGIN, { input: { email: ada.email, password: PASSWORD } })).data.login;
    const input = { currentPassword: PASSWORD, newPassword: 'a quite different one' };

    const { data } = await ada.ask(
      'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken refreshToken session { id } } }',
      { input },
    );

    const { accessToken, refreshToken, session } = data.changePassword;
    expect(session.id).toBe(ada.sessionId);
    expect([await stands(accessToken), await stands(other.accessToken)]).toEqual([true, false]);
    expect(codes(await ask(app(), REFRESH, { token: ada.refreshToken }))).toEqual(['UNAUTHENTICATED']);
    expect(codes(await ask(app(), REFRESH, { token: refreshToken }))).toEqual([]);
    expect(codes(await ask(app(), LOGIN, { input: { email: ada.email, password: PASSWORD } }))).toEqual([
      'INVALID_CREDENTIALS',
    ]);
    expect(codes(await ask(app(), LOGIN, { input: { email: ada.email, password: input.newPassword } }))).toEqual([]);
  });

  test('changePassword names the password that does not fit', async () => {
    const ada = await member(app());
    const pathOf = async (change: object) => {
      const input = { currentPassword: PASSWORD, newPassword: 'a quite different one', ...change };
      const query = 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }';
      return (await ada.ask(query, { input })).errors[0]?.extensions.path;
    };

    expect(await pathOf({ newPassword: 'short' })).toBe('input.newPassword');
    expect(await pathOf({ newPassword: 'x'.repeat(129) })).toBe('input.newPassword');
    expect(await pathOf({ currentPassword: 'x'.repeat(4097) })).toBe('input.currentPassword');
  });

  test('updateProfile changes what is given', async () => {
    const ada = await member(app());

    const { data } = await ada.ask('mutation { updateProfile(input: { name: " Countess " }) { name } }');
    const nothing = await ada.ask('mutation { updateProfile(input: {}) { name } }');

    expect(data.updateProfile.name).toBe('Countess');
    expect(nothing.data.updateProfile.name).toBe('Countess');
    expect((await ada.ask('{ me { name } }')).data.me.name).toBe('Countess');
  });

  test('deactivateUser ends every session and lets nobody in, until activateUser', async () => {
    const [root, ada] = [await admin(app()), await member(app())];
    const login = () => ask(app(), LOGIN, { input: { email: ada.email, password: PASSWORD } });
    const set = async (name: string) =>
      (await root.ask(`mutation ($id: ID!) { ${name}(id: $id) { isActive } }`, { id: ada.id })).data[name].isActive;

    const off = [await set('deactivateUser'), await set('deactivateUser')];
    const whileOff = [codes(await login()), codes(await ask(app(), REFRESH, { token: ada.refreshToken }))];
    const stoodWhileOff = await stands(ada.token);
    const on = [await set('activateUser'), await set('activateUser')];

    expect([off, on]).toEqual([
      [false, false],
      [true, true],
    ]);
    expect(whileOff).toEqual([['ACCOUNT_DISABLED'], ['UNAUTHENTICATED']]);
    expect(stoodWhileOff).toBe(false);
    expect([await stands(ada.token), codes(await ask(app(), REFRESH, { token: ada.refreshToken }))]).toEqual([
      false,
      ['UNAUTHENTICATED'],
    ]);
    expect(codes(await login())).toEqual([]);
    const announced = await app().database.em.execute(
      `select type, data from outbox where subject = ? and type in ('user.deactivated', 'user.activated') order by id`,
      [ada.id],
    );
    expect(announced).toEqual([
      { type: 'user.deactivated', data: { userId: ada.id, deactivatedBy: root.id } },
      { type: 'user.activated', data: { userId: ada.id, activatedBy: root.id } },
    ]);
  });

  test('whoever switches themself off reads that it was done, and nothing after it', async () => {
    const [, root] = [await admin(app()), await admin(app())];

    const { data, errors } = await root.ask(
      'mutation ($id: ID!) { deactivateUser(id: $id) { id isActive } activateUser(id: $id) { id } }',
      { id: root.id },
    );

    expect(errors).toMatchObject([{ path: ['activateUser'], extensions: { reason: 'REVOKED' } }]);
    expect(data).toBeNull();
    const alone = await admin(app());
    const answer = await alone.ask('mutation ($id: ID!) { deactivateUser(id: $id) { id isActive } }', { id: alone.id });
    expect(answer.data).toEqual({ deactivateUser: { id: alone.id, isActive: false } });
  });

  test.each(['', ' ', 'x'.repeat(501), 'bell\u0007'])('deactivateUser takes no reason like %j', async (reason) => {
    const [root, ada] = [await admin(app()), await member(app())];

    const { errors } = await root.ask(
      'mutation ($id: ID!, $reason: String) { deactivateUser(id: $id, reason: $reason) { id } }',
      { id: ada.id, reason },
    );

    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', path: 'reason' } }]);
    expect(await stands(ada.token)).toBe(true);
  });

  test('setUserRole counts from the next request on, and is announced once', async () => {
    const [root, ada] = [await admin(app()), await member(app())];
    const SET = 'mutation ($id: ID!, $role: RoleName!) { setUserRole(id: $id, role: $role) { role { name } } }';
    const isAdmin = async () => codes(await ada.ask('{ roles { name } }')).length === 0;

    const before = await isAdmin();
    await root.ask(SET, { id: ada.id, role: 'ADMIN' });
    await root.ask(SET, { id: ada.id, role: 'ADMIN' });
    const promoted = await isAdmin();
    await ada.ask(SET, { id: ada.id, role: 'MEMBER' });
    const demoted = await isAdmin();

    expect([before, promoted, demoted]).toEqual([false, true, false]);
    const announced = await app().database.em.execute(
      `select data from outbox where subject = ? and type = 'user.role_changed' order by id`,
      [ada.id],
    );
    expect(announced.map(({ data }) => data)).toEqual([
      { userId: ada.id, role: 'ADMIN', changedBy: root.id },
      { userId: ada.id, role: 'MEMBER', changedBy: ada.id },
    ]);
  });
});
