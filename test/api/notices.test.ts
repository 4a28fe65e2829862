// A notice goes to the address that was in force at the change; the queue is held back until everything else has
// happened.

import { expect, test } from '@jest/globals';
import { createLog } from '../../src/log.js';
import { makeMailToken } from '../../src/mail/mail-token.js';
import { Mailbox } from '../../src/mail/mailbox.js';
import { sendMail } from '../../src/mail/send-mail.js';
import { describeApi } from '../support/app.js';
import { temporaryFolder } from '../support/once-per-run.js';
import {
  admin,
  ask,
  codes,
  DELETE_USER,
  member,
  PASSWORD,
  type Person,
  REQUEST_EMAIL_CHANGE,
} from '../support/people.js';
import { SILENT_BUS } from '../support/silent-bus.js';

const NEW_PASSWORD = 'a quite different one';
const CHANGE_PASSWORD = `changePassword(input: { currentPassword: "${PASSWORD}", newPassword: "${NEW_PASSWORD}" }) { accessToken }`;

// The queue is so late that all else has happened by then.
describeApi(
  'a notice about a change',
  (app) => {
    /**
     * Sends all that waits, as a consumer does that comes late. Answers what arrived at the address, subjects alone.
     */
    const sendLate = async (to: string) => {
      const { em } = app().database;
      const mailer = new Mailbox(temporaryFolder(), 'Gatehouse <no-reply@gatehouse.test>');
      const parts = { em, mailer, publicUrl: 'http://gatehouse.test', log: createLog('silent') };
      const waiting = await em.execute('select id from mails where sent_at is null order by id');
      for (const { id } of waiting) await sendMail(parts, id);
      return (await mailer.list()).filter((mail) => mail.to === to).map(({ subject }) => subject);
    };
    /** A token of the newest mail of the kind to the address, as it would be in the mail. */
    const tokenOf = async (kind: string, to: string) => {
      const { em } = app().database;
      const [mail] = await em.execute(
        'select id from mails where kind = ? and recipient = ? order by id desc limit 1',
        [kind, to],
      );
      await em.execute('update mails set sent_at = now() where id = ?', [mail?.id]);
      return makeMailToken(em, mail?.id);
    };
    const changeTokenOf = async (ada: Person, newEmail: string, password = PASSWORD) => {
      await ada.ask(REQUEST_EMAIL_CHANGE, { newEmail, password });
      return tokenOf('change_email', newEmail);
    };
    const confirm = async (token: string) =>
      expect(codes(await ask(app(), `mutation { confirmEmailChange(token: "${token}") { id } }`))).toEqual([]);

    const PASSWORD_NOTICE = 'Your password for gatehouse.test was changed';
    const EMAIL_NOTICE = 'Your e-mail address for gatehouse.test was changed';
    const RECEIPT = 'Your account at gatehouse.test was closed';

    test.each<[string, string, (ada: Person) => Promise<string>]>([
      ['changePassword', PASSWORD_NOTICE, async () => CHANGE_PASSWORD],
      [
        'resetPassword',
        PASSWORD_NOTICE,
        async ({ email }) => {
          await ask(app(), `mutation { requestPasswordReset(email: "${email}") { accepted } }`);
          const token = await tokenOf('reset_password', email);
          return `resetPassword(input: { token: "${token}", newPassword: "${NEW_PASSWORD}" }) { accessToken }`;
        },
      ],
      [
        'confirmEmailChange',
        EMAIL_NOTICE,
        async (ada) => `confirmEmailChange(token: "${await changeTokenOf(ada, `new-${ada.email}`)}") { id }`,
      ],
    ])('arrives though the account is closed in the same request as %s', async (_, notice, fieldFor) => {
      const ada = await member(app());
      const field = await fieldFor(ada);

      const answer = await ada.ask(`mutation ($id: ID!) { ${field} deleteUser(id: $id) { id } }`, { id: ada.id });

      expect(codes(answer)).toEqual([]);
      const closedAddress = notice === EMAIL_NOTICE ? `new-${ada.email}` : ada.email;
      const [{ kinds } = {}] = await app().database.em.execute(
        `select array_agg(kind) as kinds from mails where recipient = ? and kind = 'account_closed'`,
        [closedAddress],
      );
      expect(kinds).toEqual(['account_closed']);
      expect(await sendLate(ada.email)).toEqual(expect.arrayContaining([notice]));
    });

    test.each<[string, (ada: Person) => Promise<unknown>]>([
      ['switched off', async (ada) => (await admin(app())).ask(`mutation { deactivateUser(id: "${ada.id}") { id } }`)],
      ['closed by an admin', async (ada) => (await admin(app())).ask(DELETE_USER, { id: ada.id })],
      ['renamed', (ada) => ada.ask('mutation { updateProfile(input: { name: "Somebody" }) { id } }')],
      ['moved to another address', async (ada) => confirm(await changeTokenOf(ada, `new-${ada.email}`, NEW_PASSWORD))],
    ])('arrives though the account is %s next', async (_, next) => {
      const ada = await member(app());
      await ada.ask(`mutation { ${CHANGE_PASSWORD} }`);

      await next(ada);

      expect(await sendLate(ada.email)).toContain(PASSWORD_NOTICE);
    });

    test('of two changes of address goes to the address before each', async () => {
      const ada = await member(app());
      const [second, third] = [`second-${ada.email}`, `third-${ada.email}`];
      await confirm(await changeTokenOf(ada, second));
      await confirm(await changeTokenOf(ada, third));

      await ada.ask(DELETE_USER, { id: ada.id });

      const { em } = app().database;
      const notices = await em.execute(
        `select kind, recipient from mails where user_id = ? and kind in ('email_changed', 'account_closed') order by id`,
        [ada.id],
      );
      expect(notices).toEqual([
        { kind: 'email_changed', recipient: ada.email },
        { kind: 'email_changed', recipient: second },
        { kind: 'account_closed', recipient: third },
      ]);
      expect(await sendLate(second)).toEqual([EMAIL_NOTICE]);
    });

    test('that an account is closed is sent once, to its address, whoever closed it', async () => {
      const [root, ada, eve] = [await admin(app()), await member(app()), await member(app())];
      await sendLate('');

      await ada.ask(DELETE_USER, { id: ada.id });
      await root.ask(DELETE_USER, { id: ada.id });
      await root.ask(DELETE_USER, { id: eve.id });

      const receipts = await app().database.em.execute(
        `select recipient from mails where kind = 'account_closed' and recipient in (?, ?) order by id`,
        [ada.email, eve.email],
      );
      expect(receipts).toEqual([{ recipient: ada.email }, { recipient: eve.email }]);
      expect(await sendLate(ada.email)).toEqual([RECEIPT]);
    });

    test('that an account is closed is in the language of who closes their own, or of the last mail', async () => {
      const korean = { 'accept-language': 'ko' };
      const root = await admin(app());
      const register = async (email: string) => {
        const input = { email, password: PASSWORD, name: 'Ada' };
        const query = 'mutation ($input: RegisterInput!) { register(input: $input) { accessToken user { id } } }';
        return (await ask(app(), query, { input }, undefined, korean)).data.register;
      };
      const [own, byAdmin] = [await register('own@example.com'), await register('by-admin@example.com')];
      await ask(app(), 'mutation { requestPasswordReset(email: "by-admin@example.com") { accepted } }');

      await ask(app(), DELETE_USER, { id: own.user.id }, own.accessToken);
      await root.ask(DELETE_USER, { id: byAdmin.user.id });

      const rows = await app().database.em.execute(
        `select recipient, language from mails where kind = 'account_closed' and recipient in ('own@example.com', 'by-admin@example.com') order by id`,
      );
      expect(rows).toEqual([
        { recipient: 'own@example.com', language: 'en' },
        { recipient: 'by-admin@example.com', language: 'ko' },
      ]);
    });
  },
  { bus: SILENT_BUS },
);
