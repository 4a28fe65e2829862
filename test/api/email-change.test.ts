// Another address counts only after its link was used, and is never taken from somebody else; links and requests
// compete.

import { expect, test } from '@jest/globals';
import { Passwords } from '../../src/password/password.js';
import { describeApi } from '../support/app.js';
import { clientFrom } from '../support/client-from.js';
import { CONFIRM_CHANGE, changeToken, eventsOf, newcomer, RESET, VERIFY } from '../support/email-links.js';
import { eventually } from '../support/eventually.js';
import { allSent, mailsTo, sentToken } from '../support/links.js';
import {
  admin,
  ask,
  codes,
  DELETE_USER,
  LOGIN,
  member,
  PASSWORD,
  type Person,
  REQUEST_EMAIL_CHANGE,
  REQUEST_PASSWORD_RESET,
} from '../support/people.js';
import { SILENT_BUS } from '../support/silent-bus.js';

describeApi('another address', (app) => {
  const confirm = (token: string) => ask(app(), CONFIRM_CHANGE, { token });
  const login = async (email: string) => codes(await ask(app(), LOGIN, { input: { email, password: PASSWORD } }));
  const fresh = (user: Person) => `new-${user.email}`;

  test("is the user's once its link is used; the old one is told, and sessions stand", async () => {
    const ada = await member(app());
    const token = await changeToken(app(), ada, fresh(ada));
    const before = (await ada.ask('{ me { email } }')).data.me.email;

    const { data } = await confirm(token);
    await allSent(app());

    expect(before).toBe(ada.email);
    expect(data.confirmEmailChange).toEqual({ id: ada.id, email: fresh(ada), emailVerified: true });
    expect((await ada.ask('{ me { email emailVerified } }')).data.me).toEqual({
      email: fresh(ada),
      emailVerified: true,
    });
    expect([await login(ada.email), await login(fresh(ada))]).toEqual([['INVALID_CREDENTIALS'], []]);
    expect(await eventsOf(app(), ada.id)).toEqual(['user.email_changed']);
    const [notice] = await mailsTo(app(), ada.email);
    expect(notice?.text).not.toContain('#token=');
    const kinds = await app().database.em.execute(
      'select kind from mails where recipient = ? and sent_at is not null order by ordered_at desc limit 1',
      [ada.email],
    );
    expect(kinds).toEqual([{ kind: 'email_changed' }]);
  });

  test('is found at once in lists and by those who had the old one in a cache', async () => {
    const [ada, root] = [await member(app()), await admin(app())];
    const find = (email: string) =>
      root.ask('query ($e: EmailAddress!) { users(filter: { email: $e }) { totalCount } }', { e: email });
    const token = await changeToken(app(), ada, fresh(ada));
    const before = [(await find(ada.email)).data.users.totalCount, (await find(fresh(ada))).data.users.totalCount];

    await confirm(token);

    const after = [(await find(ada.email)).data.users.totalCount, (await find(fresh(ada))).data.users.totalCount];
    expect([before, after]).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });

  test('needs the password', async () => {
    const ada = await member(app());

    const answer = await ada.ask(REQUEST_EMAIL_CHANGE, { newEmail: fresh(ada), password: 'not the password' });
    await allSent(app());

    expect(codes(answer)).toEqual(['INVALID_CREDENTIALS']);
    expect(await mailsTo(app(), fresh(ada))).toEqual([]);
  });

  test("is asked for in the same way when somebody has it, or it is the user's own, and nothing is sent", async () => {
    const [ada, eve] = [await member(app()), await member(app())];
    await allSent(app());

    const answers = await Promise.all(
      [eve.email, ada.email, fresh(ada)].map((newEmail) => ada.ask(REQUEST_EMAIL_CHANGE, { newEmail })),
    );
    await sentToken(app(), fresh(ada), 'change-email');
    await allSent(app());

    const [taken, own, free] = answers.map(({ text }) => text);
    expect([taken, own]).toEqual([free, free]);
    expect((await mailsTo(app(), eve.email)).length + (await mailsTo(app(), ada.email)).length).toBe(2);
  });

  test('may be taken by the time the link is used, and free again later', async () => {
    const ada = await member(app());
    const token = await changeToken(app(), ada, fresh(ada));
    const rival = await member(app(), { email: fresh(ada) });

    const refused = await confirm(token);
    await rival.ask(DELETE_USER, { id: rival.id });
    const later = await confirm(token);

    expect([codes(refused), codes(later)]).toEqual([['EMAIL_TAKEN'], []]);
    expect(refused.data).toBeNull();
  });

  test('is said to be the user’s already by a link that is used again, and nothing is done twice', async () => {
    const ada = await member(app());
    const token = await changeToken(app(), ada, fresh(ada));
    const first = await confirm(token);

    const again = await Promise.all([confirm(token), confirm(token)]);

    expect(again.map(({ data }) => data)).toEqual([first.data, first.data]);
    expect(await eventsOf(app(), ada.id)).toEqual(['user.email_changed']);
    const [done] = await app().database.em.execute(
      `select (select count(*)::int from mails where user_id = ? and kind = 'email_changed') as notices,
      (select count(*)::int from audit_events where subject_id = ? and action = 'user.email_changed') as records`,
      [ada.id, ada.id],
    );
    expect(done).toEqual({ notices: 1, records: 1 });
    await confirm(await changeToken(app(), ada, `third-${ada.email}`));
    expect(codes(await confirm(token))).toEqual(['INVALID_TOKEN']);
  });

  test('of two who confirm the same one at once one gets it', async () => {
    const [ada, eve] = [await member(app()), await member(app())];
    const wanted = fresh(ada);
    const tokens = [await changeToken(app(), ada, wanted)];
    await eve.ask(REQUEST_EMAIL_CHANGE, { newEmail: wanted });
    await allSent(app());
    tokens.push(await sentToken(app(), wanted, 'change-email'));

    const answers = await Promise.all([...tokens, ...tokens].map(confirm));

    expect(answers.flatMap(codes).filter((code) => code === 'EMAIL_TAKEN').length).toBeGreaterThanOrEqual(1);
    const winners = answers.filter(({ errors }) => errors.length === 0).map(({ data }) => data.confirmEmailChange.id);
    expect([winners.length, new Set(winners).size]).toEqual([2, 1]);
    expect([...(await eventsOf(app(), ada.id)), ...(await eventsOf(app(), eve.id))]).toEqual(['user.email_changed']);
  });

  test('ends the links that were sent to the old one, also when that comes back', async () => {
    const [ada, verification] = await newcomer(app());
    await ask(app(), REQUEST_PASSWORD_RESET, { email: ada.email });
    const reset = await sentToken(app(), ada.email, 'reset-password');
    const other = await changeToken(app(), ada, `other-${ada.email}`);
    await confirm(await changeToken(app(), ada, fresh(ada)));

    await app().database.em.execute('update users set email = ?, email_verified = false where id = ?', [
      ada.email,
      ada.id,
    ]);

    const answers = [
      await ask(app(), VERIFY, { token: verification }),
      await ask(app(), RESET, { token: reset }),
      await confirm(other),
    ];
    expect(answers.flatMap(codes)).toEqual(['INVALID_TOKEN', 'INVALID_TOKEN', 'INVALID_TOKEN']);
  });

  test('asked for with an old password is not given after the password has changed', async () => {
    const ada = await member(app());
    const token = await changeToken(app(), ada, fresh(ada));
    await ada.ask('mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }', {
      input: { currentPassword: PASSWORD, newPassword: 'a quite different one' },
    });

    expect(codes(await confirm(token))).toEqual(['INVALID_TOKEN']);
  });

  test('is not given to an account that is closed or switched off', async () => {
    const [ada, eve] = [await member(app()), await member(app())];
    const tokens = [await changeToken(app(), ada, fresh(ada)), await changeToken(app(), eve, fresh(eve))];
    await ada.ask(DELETE_USER, { id: ada.id });
    await app().database.em.execute('update users set is_active = false where id = ?', [eve.id]);

    const answers = await Promise.all(tokens.map(confirm));

    expect(answers.flatMap(codes)).toEqual(['INVALID_TOKEN', 'INVALID_TOKEN']);
  });
});

describeApi(
  'a request for another address',
  (app) => {
    test('sends the database the same statements for an address that is free and one that is taken', async () => {
      const [ada, eve] = [await member(app()), await member(app())];
      const statementsOf = async (newEmail: string) => {
        app().statements();
        const { text } = await ada.ask(REQUEST_EMAIL_CHANGE, { newEmail });
        return [text, ...app().statements(null)];
      };
      await statementsOf('warm@example.com');

      const [free, taken, own] = [
        await statementsOf('free@example.com'),
        await statementsOf(eve.email),
        await statementsOf(ada.email),
      ];

      expect(taken).toEqual(free);
      expect(own).toEqual(free);
      expect(free.length).toBeGreaterThan(2);
      const rows = await app().database.em.execute(
        `select recipient, user_id from mails where kind = 'change_email' and recipient <> 'warm@example.com' order by id`,
      );
      expect(rows).toEqual([
        { recipient: 'free@example.com', user_id: ada.id },
        { recipient: eve.email, user_id: null },
        { recipient: ada.email, user_id: null },
      ]);
    });
  },
  { bus: SILENT_BUS },
);

// A hash takes long enough here for a queue of them to be there while the password changes.
const passwords = new Passwords({ pepper: 'a pepper for tests, long enough', cost: 10, minLength: 8 });

describeApi(
  'a password that is changed while it is checked',
  (app) => {
    test.each([
      ['for another address', REQUEST_EMAIL_CHANGE, { newEmail: 'late@example.com' }, 'email_change.failed'],
      [
        'for another password',
        `mutation ($new: String!) {
          changePassword(input: { currentPassword: "${PASSWORD}", newPassword: $new }) { accessToken }
        }`,
        { new: 'a quite different one' },
        'password_change.failed',
      ],
    ])('is not good any more %s', async (_, operation, variables, action) => {
      const ada = await member(app());
      app().statements();
      for (let waiting = 0; waiting < 30; waiting += 1) void passwords.hash(clientFrom(`10.0.0.${waiting}`), PASSWORD);
      const asked = ada.ask(operation, variables);
      // The account with its hash has been read, and the check waits for its turn.
      await eventually(() => expect(app().statements().join()).toMatch(/("u0"\.\*|password_hash).* from "users"/));

      await app().database.em.execute(`update users set password_hash = 'another' where id = ?`, [ada.id]);

      expect(codes(await asked)).toEqual(['INVALID_CREDENTIALS']);
      const [row] = await app().database.em.execute('select password_hash from users where id = ?', [ada.id]);
      expect(row).toEqual({ password_hash: 'another' });
      const kinds = await app().database.em.execute('select kind from mails where user_id = ?', [ada.id]);
      expect(kinds).toEqual([{ kind: 'verify_email' }]);
      const recorded = await app().database.em.execute(
        `select action from audit_events where subject_id = ? and result = 'failed'`,
        [ada.id],
      );
      expect(recorded).toEqual([{ action }]);
    });
  },
  { passwords, bus: SILENT_BUS },
);
