// A link verifies its address once and says so again; links are used twice, at once, late and by others.

import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { makeMailToken } from '../../src/mail/mail-token.js';
import { describeApi } from '../support/app.js';
import { CONFIRM_CHANGE, changeToken, eventsOf, newcomer, RESET, VERIFY } from '../support/email-links.js';
import { allSent, mailsTo, sentToken } from '../support/links.js';
import { ask, codes, DELETE_USER, member, type Person, REQUEST_PASSWORD_RESET } from '../support/people.js';
import { SPOILT } from '../support/spoilt-tokens.js';

const REQUEST_VERIFICATION = 'mutation { requestEmailVerification { accepted } }';

describeApi('verifyEmail', (app) => {
  const verify = (token: string) => ask(app(), VERIFY, { token });
  const isVerified = async (ada: Person) => (await ada.ask('{ me { emailVerified } }')).data.me.emailVerified;

  test('takes the link that register sent, says so again, and announces it once', async () => {
    const [ada, token] = await newcomer(app());
    const before = await isVerified(ada);

    const { data } = await verify(token);
    const again = await verify(token);

    expect(data.verifyEmail).toEqual({ id: ada.id, email: ada.email, emailVerified: true });
    expect(again.data).toEqual({ verifyEmail: data.verifyEmail });
    expect([before, await isVerified(ada)]).toEqual([false, true]);
    expect(await eventsOf(app(), ada.id)).toEqual(['user.email_verified']);
  });

  test('of many at once with one token all are answered, and one is done', async () => {
    const [ada, token] = await newcomer(app());

    const answers = await Promise.all(Array.from({ length: 10 }, () => verify(token)));

    expect(answers.flatMap(codes)).toEqual([]);
    expect(await recordsOf(ada)).toBe(1);
    expect(await eventsOf(app(), ada.id)).toEqual(['user.email_verified']);
  });

  test.each<[string, (ada: Person, token: string) => Promise<string | undefined>]>([
    ['was used', async (_, token) => token],
    ['is too old', (_, token) => expire(token)],
    [
      'was sent before another was used',
      async (ada, token) => {
        await ada.ask(REQUEST_VERIFICATION);
        await allSent(app());
        await verify(await sentToken(app(), ada.email, 'verify-email'));
        return token;
      },
    ],
    ['came a second time in the same mail', (_, token) => secondCopy(token)],
  ])('says of a verified address that it is done, by a link that %s', async (_, tokenFor) => {
    const [ada, sent] = await newcomer(app());
    const token = (await tokenFor(ada, sent)) ?? sent;
    await verify(sent);
    await app().database.em.execute('update users set email_verified = true where id = ?', [ada.id]);
    await app().cache.invalidate(`user:${ada.id}`);
    const before = [await recordsOf(ada), await eventsOf(app(), ada.id)];

    const { data } = await verify(token);

    expect(data.verifyEmail).toEqual({ id: ada.id, email: ada.email, emailVerified: true });
    expect([await recordsOf(ada), await eventsOf(app(), ada.id)]).toEqual(before);
  });

  test.each<[string, (ada: Person, token: string) => Promise<unknown>]>([
    ['closed', (ada) => ada.ask(DELETE_USER, { id: ada.id })],
    ['switched off', (ada) => app().database.em.execute('update users set is_active = false where id = ?', [ada.id])],
    ['moved to another address', (ada) => moved(ada)],
    ['closed, and the address is somebody else’s', (ada) => reopened(ada)],
  ])('does not say so where the account is %s', async (_, next) => {
    const [ada, token] = await newcomer(app());
    await verify(token);
    await next(ada, token);

    expect(codes(await verify(token))).toEqual(['INVALID_TOKEN']);
  });

  const recordsOf = async ({ id }: Person) => {
    const query = `select count(*)::int as count from audit_events where subject_id = ? and action = 'user.email_verified'`;
    return (await app().database.em.execute(query, [id]))[0]?.count;
  };
  const expire = async (token: string) => {
    const query = `update mail_tokens set expires_at = now() - interval '1 day' where digest = ?`;
    await app().database.em.execute(query, [digest(token)]);
    return token;
  };
  const secondCopy = async (token: string) => {
    const [row] = await app().database.em.execute('select mail_id from mail_tokens where digest = ?', [digest(token)]);
    return makeMailToken(app().database.em, row?.mail_id);
  };
  const moved = async (ada: Person) => {
    const change = await changeToken(app(), ada, `new-${ada.email}`);
    expect(codes(await ask(app(), CONFIRM_CHANGE, { token: change }))).toEqual([]);
  };
  const reopened = async (ada: Person) => {
    await ada.ask(DELETE_USER, { id: ada.id });
    const heir = await member(app(), { email: ada.email });
    await app().database.em.execute('update users set email_verified = true where id = ?', [heir.id]);
  };
  const digest = (token: string) => createHash('sha256').update(token).digest('base64url');

  test('verifies the user whom the link was sent to, not the one who is signed in', async () => {
    const [[ada, token], eve] = [await newcomer(app()), await member(app())];

    const { data } = await eve.ask(VERIFY, { token });

    expect(data.verifyEmail.id).toBe(ada.id);
    expect([await isVerified(ada), await isVerified(eve)]).toEqual([true, false]);
  });

  type Way = [string, (ada: Person, token: string) => Promise<string>];
  test.each<Way>([
    ['was never made', async () => createHash('sha256').update('invented').digest('base64url')],
    ['is none', async () => 'x'],
    ['is empty', async () => ''],
    [
      'is for another password',
      async (ada) => {
        await ask(app(), REQUEST_PASSWORD_RESET, { email: ada.email });
        return sentToken(app(), ada.email, 'reset-password');
      },
    ],
    ['is for another address', (ada) => changeToken(app(), ada, `new-${ada.email}`)],
    ...SPOILT.map(([name, spoil]): Way => [name, (ada, token) => spoil(app(), ada, token).then(() => token)]),
  ])('refuses a token that %s', async (_, tokenFor) => {
    const [ada, sent] = await newcomer(app());
    const token = await tokenFor(ada, sent);

    const answer = await verify(token);

    expect(codes(answer)).toEqual(['INVALID_TOKEN']);
    expect(answer.data).toBeNull();
    const [row] = await app().database.em.execute('select email_verified from users where id = ?', [ada.id]);
    expect(row).toEqual({ email_verified: false });
  });

  test('its token is for nothing else', async () => {
    const [, token] = await newcomer(app());

    const others = [await ask(app(), CONFIRM_CHANGE, { token }), await ask(app(), RESET, { token })];

    expect(others.flatMap(codes)).toEqual(['INVALID_TOKEN', 'INVALID_TOKEN']);
    expect(codes(await verify(token))).toEqual([]);
  });

  test('another link can be had until one was used; the others say then that it is done', async () => {
    const [ada, first] = await newcomer(app());
    const { data } = await ada.ask(REQUEST_VERIFICATION);
    await allSent(app());
    const second = await sentToken(app(), ada.email, 'verify-email');

    const used = await verify(first);
    const left = await verify(second);
    const after = await ada.ask(REQUEST_VERIFICATION);
    await allSent(app());

    expect(second).not.toBe(first);
    expect([codes(used), left.data]).toEqual([[], used.data]);
    expect([data, after.data]).toEqual(
      Array.from({ length: 2 }, () => ({ requestEmailVerification: { accepted: true } })),
    );
    expect(await mailsTo(app(), ada.email)).toHaveLength(2);
  });

  test('shows what the user holds to the holder of the token, and nothing that it leads to', async () => {
    const read = async (selection: string) => {
      const [ada, token] = await newcomer(app());
      return {
        ada,
        ...(await ask(app(), `mutation ($t: String!) { verifyEmail(token: $t) ${selection} }`, { t: token })),
      };
    };

    const own = await read('{ id email name isActive emailVerified createdAt updatedAt }');
    const refused = [
      '{ role { name } }',
      '{ role { __typename } }',
      '{ sessions { id } }',
      '{ sessions { __typename } }',
    ];

    expect(own.data.verifyEmail).toMatchObject({ id: own.ada.id, email: own.ada.email, emailVerified: true });
    for (const selection of refused) {
      const answer = await read(selection);
      expect([selection, answer.data, codes(answer)]).toEqual([selection, null, ['UNAUTHENTICATED']]);
    }
    const closed = await read('{ id deletedAt }');
    expect([closed.data.verifyEmail.deletedAt, codes(closed)]).toEqual([null, ['UNAUTHENTICATED']]);
  });

  test('its token is no sign-in for the rest of the operation', async () => {
    const [ada, token] = await newcomer(app());
    const query = `mutation ($token: String!, $id: ID!) {
      verifyEmail(token: $token) { id }
      updateProfile(input: { name: "Eve" }) { id }
      deleteUser(id: $id) { id }
    }`;

    const { errors } = await ask(app(), query, { token, id: ada.id });

    expect(errors.map(({ path, extensions }) => [path?.[0], extensions.code])).toEqual([
      ['updateProfile', 'UNAUTHENTICATED'],
    ]);
    expect((await ada.ask('{ me { emailVerified } }')).data.me).toEqual({ emailVerified: true });
    const alone = await ask(app(), `mutation ($id: ID!) { deleteUser(id: $id) { id } }`, { id: ada.id });
    expect(codes(alone)).toEqual(['UNAUTHENTICATED']);
  });

  test('shows only the user of its token', async () => {
    const [[, token], other] = [await newcomer(app()), await member(app())];
    const eve = await member(app());
    const query = `mutation ($token: String!, $id: ID!) { verifyEmail(token: $token) { id } deleteUser(id: $id) { id } }`;

    const answer = await eve.ask(query, { token, id: other.id });

    expect(answer.errors.map(({ path, extensions }) => [path, extensions.code])).toEqual([
      [['deleteUser'], 'FORBIDDEN'],
    ]);
  });
});
