// The pages that mails lead to work in a real browser, and keep the token to themselves; Chromium opens mailed links.

import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { SentMail } from '../../src/mail/mailbox.js';
import { launchChromium } from '../support/browser.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { sentLink, tokenIn } from '../support/links.js';
import { codes, LOGIN, member, PASSWORD, REQUEST_EMAIL_CHANGE, REQUEST_PASSWORD_RESET } from '../support/people.js';
import { type ApiProcess, startApi } from '../support/processes.js';
import { freePort } from '../support/servers/free-port.js';

describeWithServers(['chromium'], 'the pages that mails lead to, in a browser', () => {
  let api: ApiProcess;
  let browser: Browser;
  let context: BrowserContext;
  /** What the browser complained of: a policy that forbids a page its own script, say. */
  let complaints: string[];

  beforeAll(async () => {
    const port = await freePort();
    const PUBLIC_URL = `http://127.0.0.1:${port}`;
    api = await startApi({
      PORT: String(port),
      PUBLIC_URL,
      REFRESH_TOKEN_COOKIE: 'true',
    });
    browser = await launchChromium();
  });

  afterEach(() => context?.close());

  afterAll(async () => {
    await browser?.close();
    await api?.kill();
  });

  async function open(url: string, locale = 'en-GB'): Promise<Page> {
    context = await browser.newContext({ locale });
    complaints = [];
    context.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    context.on('weberror', (error) => complaints.push(error.error().message));
    const page = await context.newPage();
    await page.goto(url);
    return page;
  }

  const mailbox = { mails: async () => (await (await fetch(`${api.url}/dev/mail.json`)).json()) as SentMail[] };

  test('a click in the mailbox and one on the page, and the address is verified', async () => {
    const { token, email } = await member(api);
    await sentLink(mailbox, email, 'verify-email');
    const inbox = await open(`${api.url}/dev/mail`);
    const mail = inbox.getByRole('article').filter({ hasText: email }).locator('iframe').contentFrame();

    const [page] = await Promise.all([context.waitForEvent('page'), mail.getByRole('link').first().click()]);
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('Your e-mail address is confirmed').waitFor();

    expect((await api.ask('{ me { emailVerified } }', {}, token)).data.me).toEqual({ emailVerified: true });
    expect(complaints).toEqual([]);
  });

  test('a link that is opened is not used; its token is in no address and no request but the one that uses it', async () => {
    const { token, email } = await member(api);
    const link = await sentLink(mailbox, email, 'verify-email');
    const secret = tokenIn(link);

    const first = await open(link);
    await first.getByRole('button').waitFor();
    expect(first.url()).not.toContain(secret);
    await context.close();
    const second = await open(link);
    const requests: string[] = [];
    second.on('request', (request) => requests.push(`${request.url()} ${JSON.stringify(request.headers())}`));
    expect((await api.ask('{ me { emailVerified } }', {}, token)).data.me).toEqual({ emailVerified: false });
    await second.getByRole('button').click();
    await second.getByText('is confirmed').waitFor();

    expect(requests.filter((request) => request.includes(secret))).toEqual([]);
    expect(requests).toEqual([expect.stringMatching(/^http\S+\/graphql /)]);
  });

  test('a new password in Korean: a weak one is refused there, a good one signs nobody in, and the link is spent', async () => {
    const { email } = await member(api);
    await api.ask(REQUEST_PASSWORD_RESET, { email });
    const link = await sentLink(mailbox, email, 'reset-password');
    const page = await open(link, 'ko-KR');
    const save = page.getByRole('button', { name: '새 비밀번호 저장하기' });

    await page.getByLabel('새 비밀번호').fill('password');
    await save.click();
    await page.getByRole('alert').getByText('비밀번호가 너무 짧거나').waitFor();
    await page.getByLabel('새 비밀번호').fill(`another ${PASSWORD}`);
    await save.click();
    await page.getByText('새 비밀번호가 저장되었습니다').waitFor();

    const login = await api.ask(LOGIN, { input: { email, password: `another ${PASSWORD}` } });
    expect(codes(login)).toEqual([]);
    // What knows the device again opens nothing.
    expect((await context.cookies()).map(({ name }) => name)).toEqual(['gatehouse-device']);
    const { accessToken } = login.data.login;
    const { data } = await api.ask('{ me { sessions { current } } }', {}, accessToken);
    expect(data.me.sessions).toEqual([{ current: true }]);
    expect(complaints).toEqual([]);

    await context.close();
    const again = await open(link);
    await again.getByLabel('New password').fill(`a third ${PASSWORD}`);
    await again.getByRole('button').click();
    await again.getByRole('alert').getByText('was used before').waitFor();
  });

  test('a new password in a browser that is signed in signs it out', async () => {
    const { email } = await member(api);
    await api.ask(REQUEST_PASSWORD_RESET, { email });
    const page = await open(await sentLink(mailbox, email, 'reset-password'));
    await signInThere(page, email);
    const before = await context.cookies();

    await page.getByLabel('New password').fill(`another ${PASSWORD}`);
    await page.getByRole('button').click();
    await page.getByText('Your new password is saved').waitFor();

    expect(before.map(({ name }) => name)).toEqual(['gatehouse-refresh', 'gatehouse-device']);
    expect((await context.cookies()).map(({ name }) => name)).toEqual(['gatehouse-device']);
  });

  test('a new password without cookies leaves no session open', async () => {
    const port = await freePort();
    await using plain = await startApi({
      PORT: String(port),
      PUBLIC_URL: `http://127.0.0.1:${port}`,
    });
    const { email } = await member(plain);
    await plain.ask(REQUEST_PASSWORD_RESET, { email });
    const mails = async () => (await (await fetch(`${plain.url}/dev/mail.json`)).json()) as SentMail[];
    const page = await open(await sentLink({ mails }, email, 'reset-password'));

    // 129 units of UTF-16 and more: the page must not cut a password short.
    const password = `${'\u{1F511}'.repeat(80)} ${PASSWORD}`;
    await page.getByLabel('New password').fill(password);
    await page.getByRole('button').click();
    await page.getByText('Your new password is saved').waitFor();

    const login = await plain.ask(LOGIN, { input: { email, password } });
    const { data } = await plain.ask('{ me { sessions { current } } }', {}, login.data.login.accessToken);
    expect(data.me.sessions).toEqual([{ current: true }]);
    expect(complaints).toEqual([]);
  });

  test('a link to verify an address that is used again says that it is done, and so does one for another address', async () => {
    const { token, email } = await member(api);
    const verification = await sentLink(mailbox, email, 'verify-email');
    const newEmail = `new-${email}`;
    await api.ask(REQUEST_EMAIL_CHANGE, { newEmail }, token);
    const change = await sentLink(mailbox, newEmail, 'change-email');

    for (const [link, done] of [
      [verification, 'Your e-mail address is confirmed'],
      [verification, 'Your e-mail address is confirmed'],
      [change, 'Your e-mail address is changed'],
      [change, 'Your e-mail address is changed'],
    ] as const) {
      const page = await open(link);
      await page.getByRole('button').click();
      await page.getByText(done).waitFor();
      await context.close();
    }
    const late = await open(verification);
    await late.getByRole('button').click();
    await late.getByRole('alert').getByText('for another address than that of the account').waitFor();
  });

  /** As a front end on the page's origin would. */
  const signInThere = (page: Page, email: string) =>
    page.evaluate(
      async ([query, input]) => {
        const body = JSON.stringify({ query, variables: { input } });
        await fetch('/graphql', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      },
      [LOGIN, { email, password: PASSWORD }] as const,
    );

  test('a link without its token says so', async () => {
    const page = await open(`${api.url}/account/change-email`);

    await page.getByRole('alert').getByText('This link is not complete').waitFor();
    expect(await page.getByRole('button').isVisible()).toBe(false);
  });
});
