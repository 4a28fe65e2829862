// An address under an internationalised domain is one mailbox in each spelling; it is used in each of them.

import { expect, test } from '@jest/globals';
import { describeApi } from '../support/app.js';
import { CONFIRM_CHANGE, changeToken, newcomer } from '../support/email-links.js';
import { eventually } from '../support/eventually.js';
import { sentToken } from '../support/links.js';
import {
  admin,
  ask,
  codes,
  LOGIN,
  member,
  PASSWORD,
  REGISTER,
  REQUEST_EMAIL_CHANGE,
  REQUEST_PASSWORD_RESET,
} from '../support/people.js';

const ME = '{ me { email displayEmail } }';
const FOUND =
  'query ($email: EmailAddress, $search: String) { users(filter: { email: $email, search: $search }) { nodes { id } } }';

/**
 * Another domain under example for each test, in several spellings: letters, capitals with an ideographic stop,
 * decomposed with a wide stop, and ASCII.
 */
let domains = 0;
function spellings(): [string, string, string, string] {
  const n = domains++;
  return [
    `ada@bücher${n}.example`,
    ` ADA@BÜCHER${n}。EXAMPLE `,
    `ada＠bu\u0308cher${n}．example`,
    `ada@${new URL(`http://bücher${n}.example`).hostname}`,
  ];
}

describeApi('an address under an internationalised domain', (app) => {
  const register = (email: string) => ask(app(), REGISTER, { input: { email, password: PASSWORD, name: 'Ada' } });

  test('is one mailbox in each spelling: to register, to sign in and to be found', async () => {
    const [typed, capitals, decomposed, ascii] = spellings();
    const [ada, root] = [await member(app(), { email: typed }), await admin(app())];

    const again = await Promise.all([capitals, decomposed, ascii].map(register));
    const logins = await Promise.all(
      [typed, capitals, decomposed, ascii].map((email) => ask(app(), LOGIN, { input: { email, password: PASSWORD } })),
    );
    const literal = await ask(
      app(),
      `mutation { login(input: { email: "${capitals}", password: "${PASSWORD}" }) { user { id } } }`,
    );
    const found = await Promise.all([typed, capitals, decomposed, ascii].map((email) => root.ask(FOUND, { email })));

    expect(ada.email).toBe(ascii);
    expect(again.map(codes)).toEqual([['EMAIL_TAKEN'], ['EMAIL_TAKEN'], ['EMAIL_TAKEN']]);
    expect([...logins, literal].map(({ data }) => data.login.user.id)).toEqual(Array(5).fill(ada.id));
    expect(found.map(({ data }) => data.users.nodes)).toEqual(Array(4).fill([{ id: ada.id }]));
    expect((await ada.ask(ME)).data.me).toEqual({ email: ascii, displayEmail: typed });
  });

  test('is one mailbox for links to a new password and to another address', async () => {
    const [[typed, capitals, , ascii], [moved, , movedDecomposed, movedAscii]] = [spellings(), spellings()];
    const ada = await member(app(), { email: typed });

    await ask(app(), REQUEST_PASSWORD_RESET, { email: capitals });
    const resetToken = await sentToken(app(), ascii, 'reset-password');
    await ada.ask(REQUEST_EMAIL_CHANGE, { newEmail: movedDecomposed });
    const token = await sentToken(app(), movedAscii, 'change-email');
    const { data } = await ask(app(), CONFIRM_CHANGE.replace('{ id email ', '{ id email displayEmail '), { token });

    expect(resetToken).toBeTruthy();
    expect(data.confirmEmailChange).toMatchObject({ email: movedAscii, displayEmail: moved });
    await eventually(async () => expect((await ada.ask(ME)).data.me.displayEmail).toBe(moved));
  });

  test('is shown to the holder of the token of its link, as the address itself is', async () => {
    const [, token] = await newcomer(app());

    const { data } = await ask(app(), 'mutation ($t: String!) { verifyEmail(token: $t) { email displayEmail } }', {
      t: token,
    });

    expect(data.verifyEmail.displayEmail).toBe(data.verifyEmail.email);
  });

  test('is no password of its user', async () => {
    const [typed] = spellings();

    const answer = await ask(app(), REGISTER, { input: { email: typed, password: typed, name: 'Ada' } });

    expect(codes(answer)).toEqual(['WEAK_PASSWORD']);
  });

  test.each([
    ['faß.example', 'xn--fa-hia.example'],
    ['βόλος.example', 'xn--nxasmm1c.example'],
    ['ΒΌΛΟΣ.example', 'xn--nxasmq6b.example'],
    ['نامه\u200cای.example', 'xn--mgba3gch31f060k.example'],
    ['💩.example', 'xn--ls8h.example'],
    ['XN--BCHER-KVA.example', 'xn--bcher-kva.example'],
    ['日本語｡jp', 'xn--wgv71a119e.jp'],
    ['ab--cd.example', 'ab--cd.example'],
  ])('has the domain %s as %s', async (domain, ascii) => {
    const answer = await register(`someone@${domain}`);

    expect(answer.data.register.user.email).toBe(`someone@${ascii}`);
  });

  test.each([
    'xn--a.example',
    'xn--bücher.example',
    'xn--.example',
    '0x7f.1',
    '127.0.0.1',
    '2130706433',
    'bücher.0x1',
    'bücher.123',
    'b%C3%BCcher.example',
    'bücher.example.',
    'bücher..example',
    '.bücher.example',
    'bücher example',
    'bücher.example/path',
    'bücher.example:80',
    'bücher_.example',
    '-bücher.example',
    'a\u200db.example',
    '\u0301a.example',
    'אa.example',
    'bücher.example\u202e',
    `${'ü'.repeat(64)}.example`,
    `${'bücher.'.repeat(30)}example`,
    '℀.example',
    '\u200b',
  ])('is refused where %s is no host name', async (domain) => {
    const answer = await register(`someone@${domain}`);

    expect(codes(answer)).toEqual(['BAD_USER_INPUT']);
    expect(answer.text).not.toContain('cher');
  });

  test.each(['jörg@example.com', '用户@example.com', 'ada\u200b@example.com'])(
    'is refused with a reason where it is %s, for the part before the @ is ASCII',
    async (email) => {
      const answer = await register(email);

      expect(answer.errors[0]?.extensions.issues).toEqual([
        { path: 'input.email', message: 'must have ASCII characters alone before the @ (no SMTPUTF8)' },
      ]);
    },
  );

  test('is refused at once where it is as long as a request may be', async () => {
    const answer = await register(`a@${'\u4e00\u4e8c\u4e09'.repeat(10_000)}.example`);

    expect(codes(answer)).toEqual(['BAD_USER_INPUT']);
  });

  test.each([
    ['bücher.example', true],
    ['łódź.example', true],
    ['日本語.example', true],
    ['トレーニング.example', true],
    ['tokyo東京.example', true],
    ['한국어.example', true],
    ['مثال.example', true],
    ['उदाहरण.example', true],
    ['пример.рф', true],
    ['παράδειγμα.ελ', true],
    ['paypal.рф', true],
    ['аррӏе.example', false],
    ['пример.example', false],
    ['ρ.example', false],
    ['аpple.example', false],
    ['gıthub.example', false],
    ['ɑpple.example', false],
    ['💩.example', false],
    ['aノb.example', false],
    ['ꭺꭺ.example', false],
    ['中я.example', false],
    ['ഠഠ.example', false],
    ['नाम\u094d\u200dक.example', false],
  ])('%s is shown in its own letters: %s', async (domain, inLetters) => {
    const ada = await member(app(), { email: `shown@${domain}` });

    const { email, displayEmail } = (await ada.ask(ME)).data.me;

    expect(displayEmail).toBe(inLetters ? `shown@${domain}` : email);
  });

  test('is found by part of it in the letters that were typed', async () => {
    const [typed, , , ascii] = spellings();
    const [ada, root] = [await member(app(), { email: typed }), await admin(app())];
    const domain = typed.slice(typed.indexOf('@'));

    for (const search of [typed, domain, domain.slice(1), domain.slice(1).toUpperCase(), ascii])
      expect((await root.ask(FOUND, { search })).data.users.nodes).toEqual([{ id: ada.id }]);
  });

  test('a change to the same mailbox in another spelling is no change', async () => {
    const [typed, capitals] = spellings();
    const ada = await member(app(), { email: typed });

    const other = await changeToken(app(), ada, 'other-mailbox@example.com');
    await ada.ask(REQUEST_EMAIL_CHANGE, { newEmail: capitals });

    expect(other).toBeTruthy();
    const orders = await app().database.em.execute(
      `select user_id from mails where kind = 'change_email' and recipient = ?`,
      [ada.email],
    );
    expect(orders).toEqual([{ user_id: null }]);
  });
});
