// Attempts are counted where their work is done, by account, network and in total. With small limits, as an operator
// may set them, and clients of many networks, whose addresses a trusted proxy names.

import { expect, test } from '@jest/globals';
import { networkOf } from '../../src/text/ip-address.js';
import { LIMITS, parseLimits } from '../../src/throttle/limits.js';
import { describeApi, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { fillTheQueue } from '../support/fill-the-queue.js';
import { sentToken } from '../support/links.js';
import {
  type Answer,
  ask,
  codes,
  freshEmail,
  LOGIN,
  PASSWORD,
  REGISTER,
  REQUEST_EMAIL_CHANGE,
  REQUEST_PASSWORD_RESET,
} from '../support/people.js';

const DEVICE_LOGIN = 'mutation ($input: LoginInput!) { login(input: $input) { deviceToken } }';
const REFRESH = 'mutation ($token: String!) { refresh(input: { refreshToken: $token }) { refreshToken } }';
const VERIFY_EMAIL = 'mutation ($token: String!) { verifyEmail(token: $token) { id } }';
const CONFIRM_EMAIL = 'mutation ($token: String!) { confirmEmailChange(token: $token) { id } }';
const RESET_PASSWORD =
  'mutation ($token: String!) { resetPassword(input: { token: $token, newPassword: "a quite different one" }) { accessToken } }';
const REQUEST_VERIFICATION = 'mutation { requestEmailVerification { accepted } }';
const CHANGE_PASSWORD = `mutation ($current: String!) {
  changePassword(input: { currentPassword: $current, newPassword: "a quite different one" }) { accessToken }
}`;

const SETTINGS = { TRUST_PROXY: '127.0.0.1', LIMITS_FILE: '' };

let networks = 0;
/** An address of a network that nobody has used before. */
const freshAddress = () => {
  networks += 1;
  return `2001:db8:${(networks >> 16).toString(16)}:${(networks & 0xffff).toString(16)}::1`;
};

const from = (app: TestApp, address: string, query: string, variables: object, token?: string): Promise<Answer> =>
  ask(app, query, { ...variables }, token, { 'x-forwarded-for': address });

const logIn = (app: TestApp, address: string, email: string, password: string, deviceToken?: string) =>
  from(app, address, DEVICE_LOGIN, { input: { email, password, deviceToken } });

/** Somebody new, from a network of their own. */
async function joined(app: TestApp) {
  const email = freshEmail();
  const { data } = await from(app, freshAddress(), REGISTER, { input: { email, password: PASSWORD, name: 'Ada' } });
  const { accessToken: token, refreshToken, user } = data.register;
  return { id: user.id as string, email, token, refreshToken };
}

/** How many passwords were checked for an account, or for addresses without one. */
async function checksOf(app: TestApp, id: string | null): Promise<number> {
  const [row] = await app.database.em.execute(
    "select count(*)::int as count from audit_events where action = 'login.failed' and subject_id is not distinct from ?",
    [id],
  );
  return row?.count;
}

describeApi(
  'limits of attempts',
  (app) => {
    test('of one network for one account: five are free, and then each waits longer', async () => {
      const ada = await joined(app());
      const address = freshAddress();

      const answers: Answer[] = [];
      for (let attempt = 0; attempt < 8; attempt += 1) answers.push(await logIn(app(), address, ada.email, 'wrong'));

      // Of three at once with nothing to wait for, the first is let through.
      expect(answers.flatMap(codes)).toEqual([...Array(6).fill('INVALID_CREDENTIALS'), 'RATE_LIMITED', 'RATE_LIMITED']);
      expect(await checksOf(app(), ada.id)).toBe(6);
      const [{ extensions }] = (answers[7] as Answer).errors as [Answer['errors'][0]];
      expect(extensions.retryAfterSeconds).toBe(1);
      // The right one waits, too, and is let in when its time has come; then all is as new.
      await eventually(async () => expect(codes(await logIn(app(), address, ada.email, PASSWORD))).toEqual([]));
      expect(codes(await logIn(app(), address, ada.email, 'wrong'))).toEqual(['INVALID_CREDENTIALS']);
    });

    test('say when to come back, in the answer and for what reads no body', async () => {
      const email = freshEmail();
      const address = freshAddress();
      for (let attempt = 0; attempt < 6; attempt += 1) await logIn(app(), address, email, 'wrong');

      const refused = await logIn(app(), address, email, 'wrong');

      expect(refused.status).toBe(429);
      expect(refused.data).toBeNull();
      const { code, retryAfterSeconds } = (refused.errors[0] as Answer['errors'][0]).extensions;
      expect(code).toBe('RATE_LIMITED');
      expect(refused.headers.get('retry-after')).toBe(String(retryAfterSeconds));
    });

    test('hold against many at once', async () => {
      const ada = await joined(app());
      const address = freshAddress();

      const began = Date.now();
      const answers = await Promise.all(Array.from({ length: 40 }, () => logIn(app(), address, ada.email, 'wrong')));
      const seconds = Math.floor((Date.now() - began) / 1000);

      expect(new Set(answers.flatMap(codes))).toEqual(new Set(['INVALID_CREDENTIALS', 'RATE_LIMITED']));
      // On a slow machine the first wait, of a second, ends meanwhile.
      expect(await checksOf(app(), ada.id)).toBeLessThanOrEqual(6 + seconds);
    });

    test('are the same for an address without an account (A10)', async () => {
      const ada = await joined(app());
      const before = await checksOf(app(), null);
      const tries = async (email: string) => {
        const address = freshAddress();
        const answers: Answer[] = [];
        for (let attempt = 0; attempt < 7; attempt += 1) answers.push(await logIn(app(), address, email, 'wrong'));
        return answers.map(({ status, data, errors }) => ({ status, data, errors }));
      };

      expect(await tries(freshEmail())).toEqual(await tries(ada.email));
      expect((await checksOf(app(), null)) - before).toBe(6);
    });

    test('of an account: networks without number check no more than its limit, and a known device gets in', async () => {
      const ada = await joined(app());
      const home = freshAddress();
      const { data } = await logIn(app(), home, ada.email, PASSWORD);

      const answers = await Promise.all(
        Array.from({ length: 60 }, () => logIn(app(), freshAddress(), ada.email, 'wrong')),
      );

      expect(await checksOf(app(), ada.id)).toBe(12);
      expect(answers.flatMap(codes).filter((code) => code === 'RATE_LIMITED')).toHaveLength(48);
      // From elsewhere the owner waits as all do.
      expect(codes(await logIn(app(), freshAddress(), ada.email, PASSWORD))).toEqual(['RATE_LIMITED']);
      const known = await logIn(app(), home, ada.email, PASSWORD, data.login.deviceToken);
      expect(codes(known)).toEqual([]);
      const elsewhere = await logIn(app(), freshAddress(), ada.email, PASSWORD, known.data.login.deviceToken);
      expect(codes(elsewhere)).toEqual([]);
    });

    test('of an account are not used up by what succeeds', async () => {
      const ada = await joined(app());

      const answers: Answer[] = [];
      for (let attempt = 0; attempt < 20; attempt += 1)
        answers.push(await logIn(app(), freshAddress(), ada.email, PASSWORD));

      expect(answers.flatMap(codes)).toEqual([]);
    });

    test('of a known device: it has as many as its limit, also by new tokens', async () => {
      const ada = await joined(app());
      let { deviceToken } = (await logIn(app(), freshAddress(), ada.email, PASSWORD)).data.login;
      const answers: Answer[] = [];
      for (let attempt = 0; attempt < 9; attempt += 1) {
        const answer = await logIn(app(), freshAddress(), ada.email, PASSWORD, deviceToken);
        deviceToken = answer.data?.login.deviceToken ?? deviceToken;
        answers.push(answer);
      }

      expect(answers.flatMap(codes)).toEqual(['RATE_LIMITED']);
    });

    test.each([
      [
        'of another account',
        async () => (await logIn(app(), freshAddress(), (await joined(app())).email, PASSWORD)).data.login.deviceToken,
      ],
      ['that is altered', async (token: string) => `${token.startsWith('A') ? 'B' : 'A'}${token.slice(1)}`],
      ['that is cut', async (token: string) => token.slice(0, -1)],
      ['that is none', async () => 'x'.repeat(91)],
      ['that is empty', async () => ''],
    ])('a device token %s makes no device known', async (_, spoil) => {
      const ada = await joined(app());
      const { data } = await logIn(app(), freshAddress(), ada.email, PASSWORD);
      for (let attempt = 0; attempt < 13; attempt += 1) await logIn(app(), freshAddress(), ada.email, 'wrong');

      const spoilt = await spoil(data.login.deviceToken);

      expect(codes(await logIn(app(), freshAddress(), ada.email, PASSWORD, spoilt))).toEqual(['RATE_LIMITED']);
      expect(codes(await logIn(app(), freshAddress(), ada.email, PASSWORD, data.login.deviceToken))).toEqual([]);
    });

    test('of a network: one /64 is one, and what is over its limit uses up nothing of an account', async () => {
      const ada = await joined(app());
      const prefix = freshAddress().replace(/::1$/, '');
      for (let attempt = 0; attempt < 200; attempt += 1)
        await logIn(app(), `${prefix}:a:b:c:${attempt + 1}`, freshEmail(), 'wrong');

      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, host) => logIn(app(), `${prefix}::${host + 1}`, ada.email, 'wrong')),
      );

      expect(answers.flatMap(codes)).toEqual(Array(30).fill('RATE_LIMITED'));
      expect(codes(await logIn(app(), freshAddress(), ada.email, PASSWORD))).toEqual([]);
    });

    test('each attempt counts, also of several operations of one request (A1)', async () => {
      const email = freshEmail();
      const input = `(input: { email: "${email}", password: "wrong" }) { accessToken }`;
      const before = await checksOf(app(), null);

      const alone = await from(app(), freshAddress(), `mutation { a: login${input} b: login${input} }`, {});

      expect(codes(alone)).toEqual(['ONCE_PER_OPERATION']);
      expect(await checksOf(app(), null)).toBe(before);
    });

    test('a failure that is not of the password is given back', async () => {
      const ada = await joined(app());
      const address = freshAddress();
      await app().database.em.execute('update users set is_active = false where id = ?', [ada.id]);

      const answers: Answer[] = [];
      for (let attempt = 0; attempt < 14; attempt += 1) answers.push(await logIn(app(), address, ada.email, PASSWORD));

      expect(answers.flatMap(codes)).toEqual(Array(14).fill('ACCOUNT_DISABLED'));
    });

    test('are logged once, without an address of an account', async () => {
      const email = freshEmail();
      for (let attempt = 0; attempt < 16; attempt += 1) await logIn(app(), freshAddress(), email, 'wrong');

      const lines = app()
        .logged()
        .split('\n')
        .filter((line) => line.includes('"limit reached"') && line.includes('login.account'));

      expect(lines.length).toBeGreaterThan(0);
      expect(new Set(lines.map((line) => JSON.parse(line).key)).size).toBe(lines.length);
      expect(app().logged()).not.toContain(email);
    });

    /** What is asked over and over from new networks, and how often it may be. */
    const REPEATED: Record<string, { most: number; prepare: () => Promise<() => Promise<Answer>> }> = {
      'register, by address (A11)': {
        most: 4,
        prepare: async () => {
          const input = { email: freshEmail(), password: PASSWORD, name: 'Ada' };
          return () => from(app(), freshAddress(), REGISTER, { input });
        },
      },
      'requestPasswordReset, by address': {
        most: 3,
        prepare: async () => {
          const { email } = await joined(app());
          return () => from(app(), freshAddress(), REQUEST_PASSWORD_RESET, { email });
        },
      },
      'requestPasswordReset, by an address without an account': {
        most: 3,
        prepare: async () => {
          const email = freshEmail();
          return () => from(app(), freshAddress(), REQUEST_PASSWORD_RESET, { email });
        },
      },
      'requestEmailVerification, by user': {
        most: 2,
        prepare: async () => {
          const { token } = await joined(app());
          return () => from(app(), freshAddress(), REQUEST_VERIFICATION, {}, token);
        },
      },
      'requestEmailChange, by session': {
        most: 3,
        prepare: async () => {
          const { token } = await joined(app());
          return () => from(app(), freshAddress(), REQUEST_EMAIL_CHANGE, { newEmail: freshEmail() }, token);
        },
      },
      'changePassword, by session': {
        most: 3,
        prepare: async () => {
          const { token } = await joined(app());
          return () => from(app(), freshAddress(), CHANGE_PASSWORD, { current: 'wrong' }, token);
        },
      },
      'refresh, by session': {
        most: 5,
        prepare: async () => {
          let { refreshToken: token } = await joined(app());
          return async () => {
            const answer = await from(app(), freshAddress(), REFRESH, { token });
            token = answer.data?.refresh.refreshToken ?? token;
            return answer;
          };
        },
      },
      'resetPassword, by token': {
        most: 3,
        prepare: async () => {
          const { email } = await joined(app());
          await from(app(), freshAddress(), REQUEST_PASSWORD_RESET, { email });
          const token = await sentToken(app(), email, 'reset-password');
          return () => from(app(), freshAddress(), RESET_PASSWORD, { token });
        },
      },
      'verifyEmail, by token': {
        most: 3,
        prepare: async () => () => from(app(), freshAddress(), VERIFY_EMAIL, { token: 'guessed' }),
      },
      'confirmEmailChange, by token': {
        most: 3,
        prepare: async () => () => from(app(), freshAddress(), CONFIRM_EMAIL, { token: 'another guess' }),
      },
    };

    test.each(Object.entries(REPEATED))('of %s: after as many as it may', async (_, { most, prepare }) => {
      const request = await prepare();

      const answers: Answer[] = [];
      for (let attempt = 0; attempt < most + 2; attempt += 1) answers.push(await request());

      const limited = answers.map((answer) => codes(answer).includes('RATE_LIMITED'));
      expect(limited).toEqual([...Array(most).fill(false), true, true]);
      expect(answers.at(-1)?.status).toBe(429);
    });

    test.each([
      ['login', () => [LOGIN, { input: { email: freshEmail(), password: 'wrong' } }], 200],
      ['register', () => [REGISTER, { input: { email: freshEmail(), password: PASSWORD, name: 'Ada' } }], 6],
      ['requestPasswordReset', () => [REQUEST_PASSWORD_RESET, { email: freshEmail() }], 6],
      ['refresh', () => [REFRESH, { token: 'none' }], 8],
      ['verifyEmail', () => [VERIFY_EMAIL, { token: freshEmail() }], 6],
    ] as [string, () => [string, object], number][])(
      'of %s, by network: after as many as it may',
      async (_, request, most) => {
        const address = freshAddress();

        const answers: Answer[] = [];
        for (let attempt = 0; attempt <= most; attempt += 1) answers.push(await from(app(), address, ...request()));

        const limited = answers.map((answer) => codes(answer).includes('RATE_LIMITED'));
        expect(limited).toEqual([...Array(most).fill(false), true]);
      },
    );

    test('of mails: an address gets no more than it may, from any network and for any purpose', async () => {
      const victim = freshEmail();
      const askers = await Promise.all(Array.from({ length: 5 }, () => joined(app())));

      const answers = [
        await from(app(), freshAddress(), REGISTER, { input: { email: victim, password: PASSWORD, name: 'Ada' } }),
        ...(await Promise.all(
          askers.map(({ token }) => from(app(), freshAddress(), REQUEST_EMAIL_CHANGE, { newEmail: victim }, token)),
        )),
      ];
      for (let attempt = 0; attempt < 5; attempt += 1)
        answers.push(await from(app(), freshAddress(), REQUEST_PASSWORD_RESET, { email: victim }));

      expect(answers.flatMap(codes)).toEqual(Array(4).fill('RATE_LIMITED'));
      const [row] = await app().database.em.execute('select count(*)::int as count from mails where recipient = ?', [
        victim,
      ]);
      // Four by their recipient, and three links for a new password.
      expect(row?.count).toBe(4 + 3);
    });

    test('strangers who name an address use up no link of its owner', async () => {
      const [ada, eve] = [await joined(app()), await joined(app())];
      const strangers = await Promise.all(Array.from({ length: 5 }, () => joined(app())));
      const input = { email: ada.email, password: PASSWORD, name: 'Eve' };

      await from(app(), freshAddress(), REQUEST_EMAIL_CHANGE, { newEmail: ada.email }, eve.token);
      for (const { token } of strangers) {
        await from(app(), freshAddress(), REGISTER, { input });
        await from(app(), freshAddress(), REQUEST_EMAIL_CHANGE, { newEmail: ada.email }, token);
      }
      const reset = await from(app(), freshAddress(), REQUEST_PASSWORD_RESET, { email: ada.email });
      const verification = await from(app(), freshAddress(), REQUEST_VERIFICATION, {}, ada.token);

      expect(codes(await from(app(), freshAddress(), REGISTER, { input }))).toEqual(['RATE_LIMITED']);
      expect([reset, verification].map(codes)).toEqual([[], []]);
    });
  },
  {},
  {
    ...SETTINGS,
    LIMITS: JSON.stringify({
      login: { account: { most: 12 }, device: { most: 8 }, network: { most: 200 } },
      register: { account: { most: 4 }, network: { most: 6 } },
      refresh: { account: { most: 5 }, network: { most: 8 } },
      requestPasswordReset: { account: { most: 3 }, network: { most: 6 } },
      requestEmailVerification: { account: { most: 2 } },
      requestEmailChange: { account: { most: 3 } },
      changePassword: { account: { most: 3 } },
      useLink: { account: { most: 3 }, network: { most: 6 } },
      mail: { recipient: { most: 4 } },
    }),
  },
);

describeApi(
  'while a network has all of its places in the queue of hashes',
  (app) => {
    test('it is refused at once and reads on, and others sign in (A30)', async () => {
      const [ada, address] = [await joined(app()), freshAddress()];

      const leave = fillTheQueue(app(), address);
      const refused = await logIn(app(), address, ada.email, PASSWORD);
      const read = await from(app(), address, '{ me { id } }', {}, ada.token);
      const elsewhere = await logIn(app(), freshAddress(), ada.email, PASSWORD);
      leave();

      expect([refused.status, codes(refused)]).toEqual([503, ['SERVICE_OVERLOADED']]);
      expect(refused.headers.get('retry-after')).toBe('5');
      expect(read.data).toEqual({ me: { id: ada.id } });
      expect(codes(elsewhere)).toEqual([]);
      await eventually(async () => expect(codes(await logIn(app(), address, ada.email, PASSWORD))).toEqual([]));
    });

    test('an address without an account waits for a hash as one with an account does (A9)', async () => {
      const [ada, gone, address] = [await joined(app()), await joined(app()), freshAddress()];
      await from(
        app(),
        freshAddress(),
        'mutation ($id: ID!) { deleteUser(id: $id) { id } }',
        { id: gone.id },
        gone.token,
      );

      const leave = fillTheQueue(app(), address);
      const answers: Answer[] = [];
      for (const email of [ada.email, gone.email, freshEmail()])
        answers.push(await logIn(app(), address, email, 'wrong'));
      leave();

      expect(answers.flatMap(codes)).toEqual(Array(3).fill('SERVICE_OVERLOADED'));
    });
  },
  {},
  SETTINGS,
);

describeApi(
  'a limit in total',
  (app) => {
    test('bounds all networks together, and no known device', async () => {
      const ada = await joined(app());
      const { data } = await logIn(app(), freshAddress(), ada.email, PASSWORD);

      const answers: Answer[] = [];
      for (let attempt = 0; attempt < 8; attempt += 1)
        answers.push(await logIn(app(), freshAddress(), freshEmail(), 'wrong'));

      expect(answers.flatMap(codes)).toEqual([
        ...Array(4).fill('INVALID_CREDENTIALS'),
        ...Array(4).fill('RATE_LIMITED'),
      ]);
      expect(codes(await logIn(app(), freshAddress(), ada.email, PASSWORD, data.login.deviceToken))).toEqual([]);
    });
  },
  {},
  { ...SETTINGS, LIMITS: JSON.stringify({ login: { total: { most: 5 } } }) },
);

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2:ffff::', '2001:db8:1:2::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['1::', '1:0:0:0::/64'],
  ['1:2:3::', '1:2:3:0::/64'],
  [null, 'unknown'],
])('the network of %s is %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test.each([
  ['{', 'must have a JSON object'],
  ['[]', 'must have a JSON object'],
  ['{"logn":{}}', 'must have no other names than'],
  ['{"login":7}', 'must have a JSON object for login'],
  ['{"login":{"everything":{}}}', 'must have no other names in login than account'],
  ['{"login":{"account":{"moust":1}}}', 'must have no other names in login.account than most, seconds'],
  // Counts in memory would end at once: a timer has no more milliseconds than 2^31 - 1.
  ['{"login":{"failures":{"seconds":2592000}}}', 'from 1 to 2073600 for login.failures.seconds'],
  ['{"login":{"account":{"most":0}}}', 'must have a whole number from 1 to 1000000000 for login.account.most'],
  ['{"login":{"account":{"most":1.5}}}', 'for login.account.most'],
  ['{"login":{"account":{"most":"1"}}}', 'for login.account.most'],
  ['{"login":{"account":{"seconds":9e9}}}', 'for login.account.seconds'],
  ['{"login":{"account":null}}', 'must have a JSON object for login.account'],
  ['{"__proto__":{"account":{"most":1}}}', 'must have no other names than'],
])('limits of %s are refused', (text, message) => {
  expect(() => parseLimits(text)).toThrow(message);
});

test('limits that are given replace ours one by one', () => {
  const limits = parseLimits('{"login":{"network":{"most":7}}}');

  expect(limits).toEqual({ ...LIMITS, login: { ...LIMITS.login, network: { ...LIMITS.login.network, most: 7 } } });
});
