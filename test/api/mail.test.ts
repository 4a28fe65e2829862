// Every mail is complete in each language, and goes only to the address that may have it; each kind is ordered and
// read.

import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { Mail, MailKind } from '../../src/mail/mail.entity.js';
import { MailToken } from '../../src/mail/mail-token.entity.js';
import { Language } from '../../src/request/language.js';
import { User } from '../../src/user/user.entity.js';
import { describeApi } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { orderMail } from '../support/mails.js';
import { ask, DELETE_USER, member } from '../support/people.js';

const PAGES: Partial<Record<MailKind, string>> = {
  [MailKind.VERIFY_EMAIL]: 'verify-email',
  [MailKind.RESET_PASSWORD]: 'reset-password',
  [MailKind.CHANGE_EMAIL]: 'change-email',
};
const HOUR_MS = 3_600_000;

describeApi('mail', (app) => {
  const row = ({ id }: Mail) => app().database.em.fork().findOneOrFail(Mail, id);
  const sent = async ({ id }: Mail) => (await app().mails()).filter(({ messageId }) => messageId.includes(id));
  const arrived = async (mail: Mail) => {
    await eventually(async () => expect((await row(mail)).sentAt).not.toBeNull());
    const [first, ...others] = await sent(mail);
    expect(others).toEqual([]);
    if (!first) throw new Error('marked as sent, and not in the mailbox');
    return first;
  };
  const order = (...details: Parameters<typeof orderMail> extends [unknown, ...infer T] ? T : never) =>
    orderMail(app().database.em, ...details);
  /** Its event is done: whatever there was to send is sent. */
  const handled = ({ id }: Mail) =>
    eventually(async () => {
      const rows = await app().database.em.execute(
        'select published_at is not null as done from outbox where subject = ?',
        [id],
      );
      expect(rows).toEqual([{ done: true }]);
    });

  test.each(Object.values(MailKind).flatMap((kind) => Object.values(Language).map((language) => [kind, language])))(
    '%s in %s arrives as text and HTML, with a link where there is something to confirm',
    async (kind, language) => {
      const ada = await member(app());

      const mail = await order(ada, kind as MailKind, { language: language as Language });

      const { to, from, subject, text, html } = await arrived(mail);
      expect([to, from]).toEqual([ada.email, 'Gatehouse <no-reply@gatehouse.test>']);
      expect(subject).toContain('gatehouse.test');
      for (const part of [text, html]) {
        expect(part).toContain('Ada Lovelace');
        expect(/\p{Script=Hangul}/u.test(part)).toBe(language === Language.KOREAN);
      }
      expect(html).toContain(`<html lang="${language}">`);
      const page = PAGES[kind as MailKind];
      const links = new Set([text, html].flatMap((part) => part.match(/https?:\/\/[^\s"<]+/g) ?? []));
      expect([...links]).toEqual(
        page ? [expect.stringMatching(RegExp(`^http://gatehouse\\.test/account/${page}#token=[\\w-]{43}$`))] : [],
      );
      if (page) expect(text).toMatch(/1 hour|1시간/);
    },
  );

  test('of a token only its digest is kept, for an hour from the sending', async () => {
    const ada = await member(app());
    const mail = await order(ada, MailKind.RESET_PASSWORD);

    const { text } = await arrived(mail);

    const [, token = ''] = /#token=([\w-]+)/.exec(text) ?? [];
    const { sentAt } = await row(mail);
    const [kept, ...others] = await app().database.em.fork().find(MailToken, { mailId: mail.id });
    expect(others).toEqual([]);
    expect(kept?.digest).toBe(createHash('sha256').update(token).digest('base64url'));
    expect(Math.abs((kept?.expiresAt.getTime() ?? 0) - HOUR_MS - (sentAt?.getTime() ?? 0))).toBeLessThan(10_000);
    expect(app().logged()).not.toContain(token);
    const events = await app().database.em.execute('select data from outbox where subject = ?', [mail.id]);
    expect(events).toEqual([{ data: { mailId: mail.id } }]);
  });

  test.each([
    ['markup', '<script>alert(1)</script> & "Ada"'],
    ['an address that programs make a link of', 'You have won, see evil.example'],
    ['a link', 'https://evil.example/'],
    ['a link behind a joiner', 'Won evil.\u200dexample'],
    ['a link behind a combining mark', 'Won evilx\u0301.example'],
  ])('a name that holds %s is in no mail', async (_, name) => {
    const ada = await member(app(), { name });

    const { subject, text, html } = await arrived(await order(ada, MailKind.VERIFY_EMAIL));

    expect(text).toMatch(/^Hello,\n/);
    expect(subject + text + html).not.toMatch(/script|evil/);
  });

  test.each(['Dr. Ada O’Neill-King', '이하늘', "Jean d'Arc", 'محمد علي', 'نیلوفر علی\u200cزاده', 'अनिल'])(
    '%s is greeted by name',
    async (name) => {
      const ada = await member(app(), { name });

      expect((await arrived(await order(ada, MailKind.VERIFY_EMAIL))).text).toMatch(`Hello ${name},\n`);
    },
  );

  test('no link goes to an address that nobody has, that is not the user’s any more, or to a closed account', async () => {
    const [moved, closed] = [await member(app()), await member(app())];
    await ask(app(), DELETE_USER, { id: closed.id }, closed.token);
    const mails = [
      await order(null, MailKind.RESET_PASSWORD),
      await order(moved, MailKind.RESET_PASSWORD, { to: 'before@example.com' }),
      await order(moved, MailKind.VERIFY_EMAIL, { to: 'before@example.com' }),
      await order(closed, MailKind.RESET_PASSWORD),
      await order(closed, MailKind.CHANGE_EMAIL),
    ];

    for (const mail of mails) await handled(mail);

    for (const mail of mails) {
      expect(await sent(mail)).toEqual([]);
      // The purge of the closed account may have removed its mails already.
      const rows = await app().database.em.fork().find(Mail, { id: mail.id });
      expect(rows.filter(({ sentAt }) => sentAt !== null)).toEqual([]);
    }
    expect(
      await app()
        .database.em.fork()
        .count(MailToken, { mailId: { $in: mails.map(({ id }) => id) } }),
    ).toBe(0);
  });

  test('a notice goes to the address that was the user’s before', async () => {
    const [ada, closed] = [await member(app()), await member(app())];
    const before = ada.email;
    const em = app().database.em.fork();
    await em.nativeUpdate(User, ada.id, { email: `new-${before}` });
    // Closed without a deletion, whose purge would remove the notice before it is read here.
    await em.nativeUpdate(User, closed.id, { deletedAt: new Date() });

    const { to } = await arrived(await order(ada, MailKind.EMAIL_CHANGED, { to: before }));

    expect(to).toBe(before);
    expect((await arrived(await order(closed, MailKind.PASSWORD_CHANGED))).to).toBe(closed.email);
  });

  test('the mailbox is a page where nothing runs, and JSON', async () => {
    const ada = await member(app());
    const mail = await arrived(await order(ada, MailKind.VERIFY_EMAIL));

    const page = await fetch(`${app().url}/dev/mail`);
    const json = await fetch(`${app().url}/dev/mail.json`);

    expect(await json.json()).toEqual(await app().mails());
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const html = await page.text();
    expect(html).toContain(ada.email);
    expect(html).toContain(mail.text.match(/http\S+/)?.[0]);
    expect(html).toMatch(/<iframe [^>]*sandbox="[^"]*" srcdoc="&lt;!doctype html&gt;/);
    expect(html).not.toContain('<script');
  });

  test.each(Object.values(PAGES))('the link to %s leads to a page that runs its own script alone', async (page) => {
    const response = await fetch(`${app().url}/account/${page}?token=in-the-query-it-is-ignored`);
    const html = await response.text();
    const [, source = ''] = /<script type="module" src="([^"]+)"><\/script>/.exec(html) ?? [];
    const script = await fetch(new URL(source, response.url));

    const policy = response.headers.get('content-security-policy') ?? '';
    const [, style = ''] = /<style>([^<]*)<\/style>/.exec(html) ?? [];
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(policy).toContain("default-src 'none'; script-src 'self'; ");
    expect(policy).toContain(`'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    expect(policy).not.toContain('unsafe');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(html.match(/<script|style=| on\w+=/g)).toEqual(['<script']);
    expect(html).not.toContain('ignored');
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(await script.text()).toMatch(new RegExp(`'${page}':[^']*'mutation `));
  });

  test('there are no other pages for accounts', async () => {
    expect((await fetch(`${app().url}/account/admin`)).status).toBe(404);
  });
});
