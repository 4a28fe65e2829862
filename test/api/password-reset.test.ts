// A reset by link sets the password once, ends the sessions, and tells nobody who has an account; links and requests
// compete.

import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { makeMailToken } from '../../src/mail/mail-token.js';
import { describeApi, type TestApp } from '../support/app.js';
import { allSent, mailsTo, sentToken } from '../support/links.js';
import {
  ask,
  codes,
  DELETE_USER,
  LOGIN,
  member,
  PASSWORD,
  type Person,
  REQUEST_PASSWORD_RESET,
} from '../support/people.js';
import { SILENT_BUS } from '../support/silent-bus.js';
import { SPOILT } from '../support/spoilt-tokens.js';

const RESET = `mutation ($input: ResetPasswordInput!) {
  resetPassword(input: $input) { accessToken refreshToken session { id current } user { id emailVerified sessions { id } } }
}`;
const CHANGE = 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }';
const NEW_PASSWORD = 'a quite different one';

const reset = (app: TestApp, token: string, newPassword = NEW_PASSWORD) =>
  ask(app, RESET, { input: { token, newPassword } });

/** Somebody with the token of a link that they asked for. */
async function forgetful(app: TestApp): Promise<[Person, string]> {
  const ada = await member(app);
  return [ada, await tokenFor(app, ada)];
}

async function tokenFor(app: TestApp, { email }: Person): Promise<string> {
  const { data } = await ask(app, REQUEST_PASSWORD_RESET, { email });
  expect(data).toEqual({ requestPasswordReset: { accepted: true } });
  await allSent(app);
  return sentToken(app, email, 'reset-password');
}

describeApi(
  'resetPassword',
  (app) => {
    const login = async (ada: Person, password: string) =>
      codes(await ask(app(), LOGIN, { input: { email: ada.email, password } }));
    const stands = async (token: string) => (await ask(app(), '{ me { id } }', {}, token)).data.me !== null;

    test('sets the password, ends all sessions and opens one', async () => {
      const [ada, token] = await forgetful(app());
      const other = (await ask(app(), LOGIN, { input: { email: ada.email, password: PASSWORD } })).data.login;
      const before = [await stands(ada.token), await stands(other.accessToken)];

      const { data } = await reset(app(), token);

      const { accessToken, session, user } = data.resetPassword;
      expect(before).toEqual([true, true]);
      expect(await Promise.all([ada.token, other.accessToken, accessToken].map(stands))).toEqual([false, false, true]);
      expect(user).toEqual({ id: ada.id, emailVerified: true, sessions: [{ id: session.id }] });
      expect(session.current).toBe(true);
      expect([await login(ada, PASSWORD), await login(ada, NEW_PASSWORD)]).toEqual([['INVALID_CREDENTIALS'], []]);
      const refresh = 'mutation ($token: String!) { refresh(input: { refreshToken: $token }) { accessToken } }';
      expect(codes(await ask(app(), refresh, { token: ada.refreshToken }))).toEqual(['UNAUTHENTICATED']);
    });

    test('announces what it changed, and tells the address', async () => {
      const [ada, token] = await forgetful(app());

      await reset(app(), token);
      await allSent(app());

      const events = await app().database.em.execute('select type from outbox where subject = ? order by type', [
        ada.id,
      ]);
      expect(events.map(({ type }) => type)).toEqual([
        'user.email_verified',
        'user.password_changed',
        'user.registered',
      ]);
      expect(await noticesTo(ada)).toHaveLength(1);
      const again = await tokenFor(app(), ada);
      await reset(app(), again, `${NEW_PASSWORD} again`);
      const verified = await app().database.em.execute(
        `select count(*)::int as count from outbox where subject = ? and type = 'user.email_verified'`,
        [ada.id],
      );
      expect(verified).toEqual([{ count: 1 }]);
    });

    test('a change of password tells the address, too', async () => {
      const ada = await member(app());

      await ada.ask(CHANGE, { input: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD } });
      await allSent(app());

      expect(await noticesTo(ada)).toHaveLength(1);
    });

    const noticesTo = async ({ email }: Person) => {
      const sent = await app().database.em.execute(
        `select id from mails where recipient = ? and kind = 'password_changed' and sent_at is not null`,
        [email],
      );
      const withoutLinks = (await mailsTo(app(), email)).filter(({ text }) => !text.includes('#token='));
      expect(withoutLinks).toHaveLength(sent.length);
      return sent;
    };

    test('takes a token once, also of many at once', async () => {
      const [ada, token] = await forgetful(app());

      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, index) => reset(app(), token, `${NEW_PASSWORD} ${index}`)),
      );

      expect(answers.flatMap(codes)).toEqual(Array.from({ length: 9 }, () => 'INVALID_TOKEN'));
      const winner = answers.findIndex(({ errors }) => errors.length === 0);
      expect(await login(ada, `${NEW_PASSWORD} ${winner}`)).toEqual([]);
      expect(codes(await reset(app(), token))).toEqual(['INVALID_TOKEN']);
    });

    test('a refused password does not use the token up', async () => {
      const [ada, token] = await forgetful(app());

      const refused = [];
      for (const password of ['short', 'password123', ada.email, ada.name, 'x'.repeat(129)])
        refused.push(await reset(app(), token, password));

      expect(refused.flatMap(codes)).toEqual([
        'WEAK_PASSWORD',
        'WEAK_PASSWORD',
        'WEAK_PASSWORD',
        'WEAK_PASSWORD',
        'BAD_USER_INPUT',
      ]);
      expect(new Set(refused.map(({ errors }) => errors[0]?.extensions.path))).toEqual(new Set(['input.newPassword']));
      expect(await stands(ada.token)).toBe(true);
      expect(codes(await reset(app(), token))).toEqual([]);
    });

    type Way = [string, (ada: Person, token: string) => Promise<string>];
    test.each<Way>([
      ['nobody made', async () => createHash('sha256').update('invented').digest('base64url')],
      ['is none', async () => "' or 1=1"],
      ['is for the address', (ada) => sentToken(app(), ada.email, 'verify-email')],
      [
        'is older than the password',
        async (ada, token) => {
          await ada.ask(CHANGE, { input: { currentPassword: PASSWORD, newPassword: 'not the one of the link' } });
          return token;
        },
      ],
      [
        'was sent before another was used',
        async (ada, token) => {
          await reset(app(), await tokenFor(app(), ada), 'not the one of the link');
          return token;
        },
      ],
      ...SPOILT.map(([name, spoil]): Way => [name, (ada, token) => spoil(app(), ada, token).then(() => token)]),
    ])('refuses a token that %s', async (_, tokenOf) => {
      const [ada, sent] = await forgetful(app());
      const token = await tokenOf(ada, sent);
      const hash = () => app().database.em.execute('select password_hash from users where id = ?', [ada.id]);
      const before = await hash();

      const answer = await reset(app(), token);

      expect(codes(answer)).toEqual(['INVALID_TOKEN']);
      expect(answer.data).toBeNull();
      expect(await hash()).toEqual(before);
    });

    test('resets whose link it is, whoever is signed in', async () => {
      const [[ada, token], eve] = [await forgetful(app()), await member(app())];

      const { data } = await eve.ask(RESET, { input: { token, newPassword: NEW_PASSWORD } });

      expect(data.resetPassword.user.id).toBe(ada.id);
      expect(await login(eve, PASSWORD)).toEqual([]);
    });

    test('a request for an address without an open account sends nothing', async () => {
      const [gone, off] = [await member(app()), await member(app())];
      await gone.ask(DELETE_USER, { id: gone.id });
      await app().database.em.execute('update users set is_active = false where id = ?', [off.id]);
      await allSent(app());
      const addresses = ['nobody@example.com', gone.email, off.email];

      const answers = await Promise.all(addresses.map((email) => ask(app(), REQUEST_PASSWORD_RESET, { email })));
      await allSent(app());

      expect(answers.map(({ data }) => data)).toEqual(
        addresses.map(() => ({ requestPasswordReset: { accepted: true } })),
      );
      const mails = await Promise.all(addresses.map((email) => mailsTo(app(), email)));
      expect(mails.flat().filter(({ text }) => text.includes('/account/reset-password'))).toEqual([]);
    });

    test('any spelling of the address is good enough', async () => {
      const ada = await member(app());

      await ask(app(), REQUEST_PASSWORD_RESET, { email: ` ${ada.email.toUpperCase()} ` });

      expect(codes(await reset(app(), await sentToken(app(), ada.email, 'reset-password')))).toEqual([]);
    });
  },
  {},
  { DELETION_GRACE: 'P1D' },
);

describeApi(
  'a request for another password',
  (app) => {
    test('is the same for the database whether or not an open account has the address', async () => {
      const [ada, gone, off] = [await member(app()), await member(app()), await member(app())];
      await gone.ask(DELETE_USER, { id: gone.id });
      await app().database.em.execute('update users set is_active = false where id = ?', [off.id]);
      const traces = async (email: string) => {
        const before = await counts();
        app().statements();
        const { status, text, headers } = await ask(app(), REQUEST_PASSWORD_RESET, { email });
        const statements = app().statements(null);
        const [was, is] = [before, await counts()].map(([row]) => row as Record<string, number>);
        const added = Object.keys(is ?? {}).map((table) => [table, (is?.[table] ?? 0) - (was?.[table] ?? 0)]);
        return { status, text, length: headers.get('content-length'), statements, added };
      };
      const counts = () =>
        app().database.em.execute(
          'select (select count(*)::int from mails) as mails, (select count(*)::int from outbox) as outbox, (select count(*)::int from mail_tokens) as tokens',
        );

      const known = await traces(ada.email);
      const others = [await traces('nobody@example.com'), await traces(gone.email), await traces(off.email)];

      expect(others).toEqual([known, known, known]);
      expect(known.statements.length).toBeGreaterThanOrEqual(2);
      expect(known.added).toEqual([
        ['mails', 1],
        ['outbox', 1],
        ['tokens', 0],
      ]);
      const rows = await app().database.em.execute(
        `select user_id from mails where kind = 'reset_password' order by ordered_at, id`,
      );
      expect(rows.map(({ user_id }) => user_id)).toEqual([ada.id, null, null, null]);
    });

    test('is worth nothing once the password has changed, though its mail is still to be sent', async () => {
      const ada = await member(app());
      await ask(app(), REQUEST_PASSWORD_RESET, { email: ada.email });
      const [mail] = await app().database.em.execute(
        `select id from mails where user_id = ? and kind = 'reset_password'`,
        [ada.id],
      );
      await ada.ask(CHANGE, { input: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD } });

      const token = await makeMailToken(app().database.em, mail?.id);

      expect(codes(await reset(app(), token, 'yet another one'))).toEqual(['INVALID_TOKEN']);
      const left = await app().database.em.execute('select user_id from mails where id = ?', [mail?.id]);
      expect(left).toEqual([{ user_id: null }]);
    });
  },
  { bus: SILENT_BUS },
);
