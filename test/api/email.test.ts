import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { expect, test } from '@jest/globals';
import { Passwords } from '../../src/auth/password.js';
import { describeApi, type TestApp } from '../support/app.js';
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
  REGISTER,
  REQUEST_EMAIL_CHANGE,
  REQUEST_PASSWORD_RESET,
} from '../support/people.js';
import { SILENT_BUS } from '../support/silent-bus.js';
import { SPOILT } from '../support/spoilt-tokens.js';

const VERIFY = 'mutation ($token: String!) { verifyEmail(token: $token) { id email emailVerified } }';
const REQUEST_VERIFICATION = 'mutation { requestEmailVerification { accepted } }';
const CONFIRM_CHANGE = 'mutation ($token: String!) { confirmEmailChange(token: $token) { id email emailVerified } }';
const RESET =
  'mutation ($token: String!) { resetPassword(input: { token: $token, newPassword: "a quite different one" }) { accessToken } }';

/** Somebody new with the token of the link that they were sent at once. */
async function newcomer(app: TestApp): Promise<[Person, string]> {
  const ada = await member(app);
  return [ada, await sentToken(app, ada.email, 'verify-email')];
}

/** A token for another address of the user. */
async function changeToken(app: TestApp, user: Person, newEmail: string): Promise<string> {
  const { data } = await user.ask(REQUEST_EMAIL_CHANGE, { newEmail });
  expect(data).toEqual({ requestEmailChange: { accepted: true } });
  return sentToken(app, newEmail, 'change-email');
}

const eventsOf = async (app: TestApp, userId: string) =>
  (
    await app.database.em.execute(`select type from outbox where subject = ? and type like 'user.email%' order by id`, [
      userId,
    ])
  ).map(({ type }) => type);

describeApi('verifyEmail', (app) => {
  const verify = (token: string) => ask(app(), VERIFY, { token });
  const isVerified = async (ada: Person) => (await ada.ask('{ me { emailVerified } }')).data.me.emailVerified;

  test('takes the link that register sent, once, and announces it once', async () => {
    const [ada, token] = await newcomer(app());
    const before = await isVerified(ada);

    const { data } = await verify(token);
    const again = await verify(token);

    expect(data.verifyEmail).toEqual({ id: ada.id, email: ada.email, emailVerified: true });
    expect(codes(again)).toEqual(['INVALID_TOKEN']);
    expect([before, await isVerified(ada)]).toEqual([false, true]);
    expect(await eventsOf(app(), ada.id)).toEqual(['user.email_verified']);
  });

  test('of many at once with one token one is done', async () => {
    const [ada, token] = await newcomer(app());

    const answers = await Promise.all(Array.from({ length: 10 }, () => verify(token)));

    expect(answers.flatMap(codes)).toEqual(Array.from({ length: 9 }, () => 'INVALID_TOKEN'));
    expect(await eventsOf(app(), ada.id)).toEqual(['user.email_verified']);
  });

  test('verifies whom the link was sent to, whoever is signed in', async () => {
    const [[ada, token], eve] = [await newcomer(app()), await member(app())];

    const { data } = await eve.ask(VERIFY, { token });

    expect(data.verifyEmail.id).toBe(ada.id);
    expect([await isVerified(ada), await isVerified(eve)]).toEqual([true, false]);
  });

  type Way = [string, (ada: Person, token: string) => Promise<string>];
  test.each<Way>([
    ['nobody made', async () => createHash('sha256').update('invented').digest('base64url')],
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

  test('another link can be had until one was used, which ends all', async () => {
    const [ada, first] = await newcomer(app());
    const { data } = await ada.ask(REQUEST_VERIFICATION);
    await allSent(app());
    const second = await sentToken(app(), ada.email, 'verify-email');

    const used = await verify(first);
    const left = await verify(second);
    const after = await ada.ask(REQUEST_VERIFICATION);
    await allSent(app());

    expect(second).not.toBe(first);
    expect([codes(used), codes(left)]).toEqual([[], ['INVALID_TOKEN']]);
    expect([data, after.data]).toEqual(
      Array.from({ length: 2 }, () => ({ requestEmailVerification: { accepted: true } })),
    );
    expect(await mailsTo(app(), ada.email)).toHaveLength(2);
  });

  test('shows what the user holds to whoever has the token, and nothing that it leads to', async () => {
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
      requestEmailVerification { accepted }
      deleteUser(id: $id) { id }
    }`;

    const { errors } = await ask(app(), query, { token, id: ada.id });

    expect(errors.map(({ path, extensions }) => [path?.[0], extensions.code])).toEqual([
      ['requestEmailVerification', 'UNAUTHENTICATED'],
    ]);
    expect((await ada.ask('{ me { emailVerified } }')).data.me).toEqual({ emailVerified: true });
    const alone = await ask(app(), `mutation ($id: ID!) { deleteUser(id: $id) { id } }`, { id: ada.id });
    expect(codes(alone)).toEqual(['UNAUTHENTICATED']);
  });

  test('shows nobody but the user of its token', async () => {
    const [[, token], other] = [await newcomer(app()), await member(app())];
    const eve = await member(app());
    const query = `mutation ($token: String!, $id: ID!) { verifyEmail(token: $token) { id } deleteUser(id: $id) { id } }`;

    const answer = await eve.ask(query, { token, id: other.id });

    expect(answer.errors.map(({ path, extensions }) => [path, extensions.code])).toEqual([
      [['deleteUser'], 'FORBIDDEN'],
    ]);
  });
});

describeApi('a mail', (app) => {
  const registeredWith = async (headers: Record<string, string>) => {
    const email = `lang${Math.random().toString().slice(2)}@example.com`;
    await ask(app(), REGISTER, { input: { email, password: PASSWORD, name: 'Ada' } }, undefined, headers);
    await sentToken(app(), email, 'verify-email');
    return mailsTo(app(), email);
  };

  test.each([
    ['Korean', 'ko'],
    ['Korean', 'ko-KR,ko;q=0.9,en-US;q=0.8'],
    ['Korean', 'fr, KO-kr;q=0.5, en;q=0.1'],
    ['English', 'en-GB,ko;q=0.5'],
    ['English', 'fr'],
    ['English', '*'],
    ['English', 'ko;q=0'],
    ['English', ';;q=,,\u00e9=x'],
  ])('is in %s for a request with Accept-Language: %s', async (language, header) => {
    const [mail] = await registeredWith({ 'accept-language': header });

    expect(/[가-힣]/.test(`${mail?.subject}`)).toBe(language === 'Korean');
    expect(/[가-힣]/.test(`${mail?.text}`)).toBe(language === 'Korean');
  });

  test('is in English for a request without a language', async () => {
    const email = 'silent@example.com';
    await post(app(), REGISTER, { input: { email, password: PASSWORD, name: 'Ada' } }, {});
    await sentToken(app(), email, 'verify-email');

    expect((await mailsTo(app(), email)).map(({ subject }) => /[가-힣]/.test(subject))).toEqual([false]);
  });

  test('leads to PUBLIC_URL, whatever a header says', async () => {
    const email = 'headers@example.com';
    const lies = {
      host: 'evil.example',
      origin: 'https://evil.example',
      referer: 'https://evil.example/',
      forwarded: 'host=evil.example;proto=https',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-authorizer-url': 'https://evil.example',
      'x-original-url': 'https://evil.example/',
    };
    await post(app(), REGISTER, { input: { email, password: PASSWORD, name: 'Ada' } }, lies);
    await post(app(), REQUEST_PASSWORD_RESET, { email }, lies);
    await sentToken(app(), email, 'verify-email');
    await sentToken(app(), email, 'reset-password');

    const mails = JSON.stringify(await mailsTo(app(), email));

    const urls = [...mails.matchAll(/https?:\/\/[^\s"\\<]+/g)].map(([url]) => url);
    expect(urls.filter((url) => !url.startsWith('http://gatehouse.test/'))).toEqual([]);
    expect(urls.length).toBeGreaterThanOrEqual(2);
    expect(mails).not.toContain('evil');
  });

  test('has a token of which the database has a digest alone', async () => {
    const [ada, token] = await newcomer(app());
    await changeToken(app(), ada, `new-${ada.email}`);

    const rows = JSON.stringify(
      await Promise.all(
        ['mails', 'mail_tokens', 'outbox', 'inbox', 'users'].map((table) =>
          app().database.em.execute(`select * from ${table}`),
        ),
      ),
    );

    expect(rows).toContain(createHash('sha256').update(token).digest('base64url'));
    expect(rows).not.toContain(token);
    expect(app().logged()).not.toContain(token);
    const events = JSON.stringify(await app().database.em.execute('select data, subject from outbox'));
    expect(events).not.toContain('@');
  });
});

/** As a client does that sets every header itself. */
function post(app: TestApp, query: string, variables: object, headers: Record<string, string>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const sent = request(`${app.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
  });
  sent.on('response', (response) => {
    expect(response.statusCode).toBe(200);
    response.resume().on('end', () => resolve());
  });
  sent.on('error', reject);
  sent.end(JSON.stringify({ query, variables }));
  return promise;
}

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

  test('is found at once in lists and by whoever had the old one in a cache', async () => {
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

  test('of two who confirm the same one at once one gets it', async () => {
    const [ada, eve] = [await member(app()), await member(app())];
    const wanted = fresh(ada);
    const tokens = [await changeToken(app(), ada, wanted)];
    await eve.ask(REQUEST_EMAIL_CHANGE, { newEmail: wanted });
    await allSent(app());
    tokens.push(await sentToken(app(), wanted, 'change-email'));

    const answers = await Promise.all([...tokens, ...tokens].map(confirm));

    expect(answers.flatMap(codes).filter((code) => code === 'EMAIL_TAKEN').length).toBeGreaterThanOrEqual(1);
    expect(answers.filter(({ errors }) => errors.length === 0)).toHaveLength(1);
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
      ['for another address', REQUEST_EMAIL_CHANGE, { newEmail: 'late@example.com' }],
      [
        'for another password',
        `mutation ($new: String!) {
          changePassword(input: { currentPassword: "${PASSWORD}", newPassword: $new }) { accessToken }
        }`,
        { new: 'a quite different one' },
      ],
    ])('is not good any more %s', async (_, operation, variables) => {
      const ada = await member(app());
      app().statements();
      for (let waiting = 0; waiting < 30; waiting += 1) void passwords.hash(PASSWORD);
      const asked = ada.ask(operation, variables);
      // The account with its hash has been read, and the check waits for its turn.
      await eventually(() => expect(app().statements().join()).toContain('"u0".* from "users"'));

      await app().database.em.execute(`update users set password_hash = 'another' where id = ?`, [ada.id]);

      expect(codes(await asked)).toEqual(['INVALID_CREDENTIALS']);
      const [row] = await app().database.em.execute('select password_hash from users where id = ?', [ada.id]);
      expect(row).toEqual({ password_hash: 'another' });
      const kinds = await app().database.em.execute('select kind from mails where user_id = ?', [ada.id]);
      expect(kinds).toEqual([{ kind: 'verify_email' }]);
    });
  },
  { passwords, bus: SILENT_BUS },
);
