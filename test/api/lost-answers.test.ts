// A refresh whose answer was lost can be tried again, and a stolen token ends the session; time is moved in the
// database.

import { expect, test } from '@jest/globals';
import { describeApi, type TestApp } from '../support/app.js';
import { type Answer, ask, codes, member, PASSWORD, type Person } from '../support/people.js';

const REFRESH = 'mutation ($token: String!) { refresh(input: { refreshToken: $token }) { accessToken refreshToken } }';
const CHANGE_PASSWORD =
  'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken refreshToken } }';

const reason = ({ errors }: Answer) => errors[0]?.extensions.reason;
const tokenOf = ({ data, text }: Answer): string => data?.refresh.refreshToken ?? `none: ${text}`;

/** How refresh tokens are traded, how time passes for a session, and what was announced of it. */
function tradesOf(app: () => TestApp) {
  const trade = (token: string) => ask(app(), REFRESH, { token });
  const pass = ({ sessionId }: Person, seconds: number) =>
    app().database.em.execute(
      `update sessions set last_used_at = last_used_at - ? * interval '1 s', used_at = used_at - ? * interval '1 s' where id = ?`,
      [seconds, seconds, sessionId],
    );
  const announced = async ({ id }: Person) =>
    (await app().database.em.execute(`select type from outbox where subject = ? and type like 'session.%'`, [id])).map(
      ({ type }) => type,
    );
  const stands = async (token: string) => (await ask(app(), '{ me { id } }', {}, token)).data.me !== null;
  return { trade, pass, announced, stands };
}

const REUSE = ['session.reuse_detected'];
const MINUTE = 60;

describeApi('a refresh whose answer was lost', (app) => {
  const { trade, pass, announced, stands } = tradesOf(app);

  test('has the same answer for ten seconds', async () => {
    const ada = await member(app());
    const lost = await trade(ada.refreshToken);
    await pass(ada, 9);

    const again = await trade(ada.refreshToken);

    expect(tokenOf(again)).toBe(tokenOf(lost));
    expect(codes(await trade(tokenOf(again)))).toEqual([]);
  });

  test.each([11, 5 * MINUTE, 59 * MINUTE])(
    'is had again after %d seconds, and the session goes on',
    async (seconds) => {
      const ada = await member(app());
      await trade(ada.refreshToken);
      await pass(ada, seconds);

      const again = await trade(ada.refreshToken);
      await pass(ada, 15 * MINUTE);
      const after = await trade(tokenOf(again));

      expect([again, after].flatMap(codes)).toEqual([]);
      expect(await stands(after.data.refresh.accessToken)).toBe(true);
      expect(await announced(ada)).toEqual([]);
    },
  );

  test('may be lost several times in a row, also the one after it', async () => {
    const ada = await member(app());
    await trade(ada.refreshToken);
    const got: string[] = [];
    for (const seconds of [11, MINUTE, 20 * MINUTE]) {
      await pass(ada, seconds);
      got.push(tokenOf(await trade(ada.refreshToken)));
    }
    const second = tokenOf(await trade(got[2] as string));
    await pass(ada, MINUTE);

    const third = await trade(got[2] as string);

    expect(new Set([...got, second, tokenOf(third)]).size).toBe(5);
    expect(codes(await trade(tokenOf(third)))).toEqual([]);
    expect(await announced(ada)).toEqual([]);
  });

  test('is one answer for many who come late at once', async () => {
    const ada = await member(app());
    const lost = await trade(ada.refreshToken);
    await pass(ada, MINUTE);

    const answers = await Promise.all(Array.from({ length: 20 }, () => trade(ada.refreshToken)));

    expect(answers.flatMap(codes)).toEqual([]);
    const [token, ...others] = new Set(answers.map(tokenOf));
    expect([token === tokenOf(lost), others]).toEqual([false, []]);
    expect(codes(await trade(token as string))).toEqual([]);
  });

  test('may still arrive within ten seconds of the next one: both go on with one token', async () => {
    const ada = await member(app());
    const late = tokenOf(await trade(ada.refreshToken));
    await pass(ada, 11);
    const second = tokenOf(await trade(ada.refreshToken));

    const answers = await Promise.all([trade(late), trade(late)]);

    expect(answers.map(tokenOf)).toEqual([second, second]);
    expect(codes(await trade(second))).toEqual([]);
  });

  test('moves the end of the session on, and no further than its longest life', async () => {
    const ada = await member(app());
    await trade(ada.refreshToken);
    await app().database.em.execute(`update sessions set created_at = now() - interval '89 days' where id = ?`, [
      ada.sessionId,
    ]);
    await pass(ada, MINUTE);
    await trade(ada.refreshToken);

    const [row] = await app().database.em.execute(
      `select expires_at between now() + interval '23 hours' and now() + interval '25 hours' as capped,
        last_used_at > now() - interval '30 s' as used, used_at < now() - interval '30 s' as traded
      from sessions where id = ?`,
      [ada.sessionId],
    );
    expect(row).toEqual({ capped: true, used: true, traded: true });
  });
});

describeApi('a refresh token that two hold', (app) => {
  const { trade, pass, announced, stands } = tradesOf(app);

  test('ends the session when a thief came with the one before, and its owner comes with the one that was replaced', async () => {
    const ada = await member(app());
    const owners = tokenOf(await trade(ada.refreshToken));
    await pass(ada, 5 * MINUTE);
    const thiefs = await trade(ada.refreshToken);
    await pass(ada, 10 * MINUTE);

    const owner = await trade(owners);
    const after = [await trade(tokenOf(thiefs)), await trade(owners), await trade(ada.refreshToken)];

    expect(codes(thiefs)).toEqual([]);
    expect([owner, ...after].map(reason)).toEqual(Array(4).fill('REVOKED'));
    expect(await stands(thiefs.data.refresh.accessToken)).toBe(false);
    expect(await announced(ada)).toEqual(REUSE);
  });

  test('ends the session when its owner has used the next one, and a thief comes with the one before', async () => {
    const ada = await member(app());
    const next = await trade(ada.refreshToken);
    const current = await trade(tokenOf(next));

    const thief = await trade(ada.refreshToken);

    expect([thief, await trade(tokenOf(current))].map(reason)).toEqual(['REVOKED', 'REVOKED']);
    expect(await announced(ada)).toEqual(REUSE);
  });

  test('ends the session at the third use, whichever of the two is first', async () => {
    const ada = await member(app());
    const thiefs = tokenOf(await trade(ada.refreshToken));
    await pass(ada, 15 * MINUTE);
    const owners = tokenOf(await trade(ada.refreshToken));
    await pass(ada, 15 * MINUTE);

    expect(reason(await trade(thiefs))).toBe('REVOKED');
    expect(reason(await trade(owners))).toBe('REVOKED');
    expect(await announced(ada)).toEqual(REUSE);
  });

  test('ends the session at once for one that was replaced before the last one was', async () => {
    const ada = await member(app());
    const first = tokenOf(await trade(ada.refreshToken));
    await pass(ada, 11);
    await trade(ada.refreshToken);
    await pass(ada, 11);
    await trade(ada.refreshToken);

    expect(reason(await trade(first))).toBe('REVOKED');
    expect(await announced(ada)).toEqual(REUSE);
  });

  test('ends the session once when many come with an old one at the same time', async () => {
    const ada = await member(app());
    await trade(tokenOf(await trade(ada.refreshToken)));

    const answers = await Promise.all(Array.from({ length: 20 }, () => trade(ada.refreshToken)));

    expect(answers.map(reason)).toEqual(Array(20).fill('REVOKED'));
    expect(await announced(ada)).toEqual(REUSE);
  });

  test('is tried again in vain an hour after it was traded, however often it was until then', async () => {
    const ada = await member(app());
    await trade(ada.refreshToken);
    for (const seconds of [30 * MINUTE, 29 * MINUTE]) {
      await pass(ada, seconds);
      expect(codes(await trade(ada.refreshToken))).toEqual([]);
    }
    await pass(ada, 2 * MINUTE);

    expect(reason(await trade(ada.refreshToken))).toBe('REVOKED');
    expect(await announced(ada)).toEqual(REUSE);
  });

  test('is worth nothing after a change of password, and ends nothing', async () => {
    const ada = await member(app());
    await trade(ada.refreshToken);
    const input = { currentPassword: PASSWORD, newPassword: 'a quite different one' };
    const changed = (await ada.ask(CHANGE_PASSWORD, { input })).data.changePassword.refreshToken;

    const stale = await trade(ada.refreshToken);
    const lost = await trade(changed);
    await pass(ada, MINUTE);
    const again = await trade(changed);

    expect([stale, lost, again].map(reason)).toEqual(['INVALID', undefined, undefined]);
    expect(codes(await trade(tokenOf(again)))).toEqual([]);
    expect(await announced(ada)).toEqual([]);
  });
});

describeApi(
  'a refresh whose answer was lost, with the shortest window',
  (app) => {
    const { trade, pass, announced } = tradesOf(app);

    test('is had again for ten seconds, and ends the session after that', async () => {
      const ada = await member(app());
      await trade(ada.refreshToken);
      await pass(ada, 9);
      const again = await trade(ada.refreshToken);
      await pass(ada, 2);

      expect([again, await trade(ada.refreshToken)].map(reason)).toEqual([undefined, 'REVOKED']);
      expect(await announced(ada)).toEqual(REUSE);
    });
  },
  {},
  { REFRESH_RETRY_SECONDS: '10' },
);
