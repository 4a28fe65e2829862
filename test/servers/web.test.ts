// The front end of examples/web, built and walked through in a real browser, against an API that runs the documents of its
// manifest alone.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { extname, join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Browser, BrowserContext, BrowserContextOptions, Page, Route } from 'playwright-core';
import { GatehouseLogin } from '../../packages/client/src/operations.js';
import { launchChromium } from '../support/browser.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/once-per-run.js';
import { ADMIN, freshEmail, PASSWORD } from '../support/people.js';
import { type ApiProcess, startApi } from '../support/processes.js';
import { freePort } from '../support/servers/free-port.js';

const WEB = 'examples/web';
const PICTURES = 'docs/pictures';
const PICTURED = /-(en-light|ko-dark)$/;
const AXE = readFileSync('node_modules/axe-core/axe.min.js', 'utf8');
const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };
/** The name of what has the focus. */
const FOCUSED = 'document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent';
const KOREAN: BrowserContextOptions = { locale: 'ko-KR', colorScheme: 'dark' };

interface Violation {
  id: string;
  nodes: { html: string }[];
}

describeWithServers(['chromium'], 'the front end of examples/web', () => {
  const folder = temporaryFolder();
  let api: ApiProcess;
  let site: Server;
  let origin: string;
  let browser: Browser;
  let context: BrowserContext;

  beforeAll(async () => {
    const [apiPort, sitePort] = [await freePort(), await freePort()];
    origin = `http://127.0.0.1:${sitePort}`;
    const env = { ...process.env, NODE_ENV: 'production', VITE_API_URL: `http://127.0.0.1:${apiPort}/graphql` };
    execFileSync(process.execPath, ['manifest.ts'], { cwd: WEB, env });
    execFileSync(
      process.execPath,
      [resolve('node_modules/vite/bin/vite.js'), 'build', '--outDir', folder, '--emptyOutDir', '--logLevel', 'error'],
      { cwd: WEB, env },
    );
    site = createServer(({ url = '/' }, response) => {
      const path = url === '/' ? '/index.html' : url;
      response.setHeader('content-type', TYPES[extname(path)] ?? 'text/plain').end(readFileSync(join(folder, path)));
    });
    await new Promise<void>((done) => site.listen(sitePort, '127.0.0.1', done));
    api = await startApi({
      PORT: String(apiPort),
      PUBLIC_URL: `http://127.0.0.1:${apiPort}`,
      REFRESH_TOKEN_COOKIE: 'true',
      CORS_ORIGINS: origin,
      PERSISTED_OPERATIONS: 'trusted',
      OPERATIONS_MANIFEST: resolve(WEB, 'persisted-query-manifest.json'),
      // Those of production: a limit is to be hit.
      LIMITS_FILE: '',
    });
    browser = await launchChromium();
  });

  afterEach(() => context?.close());
  afterAll(async () => {
    await browser?.close();
    site?.close();
    await api?.kill();
  });

  async function open(options: BrowserContextOptions = {}): Promise<Page> {
    context = await browser.newContext({
      locale: 'en-GB',
      colorScheme: 'light',
      viewport: { width: 1100, height: 760 },
      ...options,
    });
    return openTab();
  }

  async function openTab(): Promise<Page> {
    const page = await context.newPage();
    page.on('dialog', (dialog) => void dialog.accept());
    await page.goto(origin);
    return page;
  }

  /** By its label, in the language of the page. */
  const fill = async (page: Page, fields: Record<string, string>) => {
    for (const [label, text] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(text);
  };
  const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
  const heading = (page: Page, name: string) => page.getByRole('heading', { name, exact: true, level: 1 }).waitFor();

  async function register(page: Page, email = freshEmail()): Promise<string> {
    await press(page, 'No account yet? Register');
    await fill(page, { Name: 'Ada Lovelace', 'E-mail': email, Password: PASSWORD });
    await press(page, 'Register');
    await heading(page, 'Account');
    return email;
  }

  async function signIn(page: Page, { email, password } = ADMIN): Promise<void> {
    await fill(page, { 'E-mail': email, Password: password });
    await press(page, 'Sign in');
  }

  /** Requests with this text in their body find no connection. Answers what ends it. */
  async function cut(text: string): Promise<() => Promise<void>> {
    const ours = (url: URL) => url.pathname === '/graphql';
    const abort = (route: Route) => (route.request().postData()?.includes(text) ? route.abort() : route.fallback());
    await context.route(ours, abort);
    return () => context.unroute(ours, abort);
  }

  const noConnection = (page: Page) =>
    page.getByRole('alert').getByText('There is no connection to the server.').waitFor();

  async function violations(page: Page): Promise<string[]> {
    await page.evaluate(AXE);
    const found = (await page.evaluate('axe.run().then(({ violations }) => violations)')) as Violation[];
    return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  }

  /** Written with UPDATE_DOCS=1. */
  async function picture(page: Page, name: string): Promise<void> {
    if (process.env.UPDATE_DOCS !== '1' || !PICTURED.test(name)) return;
    mkdirSync(PICTURES, { recursive: true });
    await page.screenshot({ path: join(PICTURES, `${name}.png`) });
  }

  test('the whole life of an account', async () => {
    const page = await open();
    const email = await register(page);

    await fill(page, { Name: 'Ada King' });
    await press(page, 'Save');
    await page.getByText('Saved.').waitFor();
    await page.getByRole('banner').getByText('Ada').waitFor();
    await page.getByText('this one').waitFor();
    await fill(page, { 'Current password': 'not the right one', 'New password': 'a quite different one' });
    await press(page, 'Change password');
    await page.getByRole('alert').getByText('E-mail and password do not fit.').waitFor();
    await fill(page, { 'Current password': PASSWORD });
    await press(page, 'Change password');
    await page.getByText('Your password is changed.').waitFor();
    await press(page, 'Sign out');
    await heading(page, 'Sign in');
    await signIn(page, { email, password: 'a quite different one' });
    await heading(page, 'Account');
    await page.reload();
    await heading(page, 'Account');
    expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('Ada King');
    await fill(page, { 'Your password, to confirm': 'not the right one' });
    await press(page, 'Close account');
    await page.getByRole('alert').getByText('E-mail and password do not fit.').waitFor();
    await fill(page, { 'Your password, to confirm': 'a quite different one' });
    await press(page, 'Close account');
    await heading(page, 'Sign in');
    await signIn(page, { email, password: 'a quite different one' });

    await page.getByRole('alert').getByText('E-mail and password do not fit.').waitFor();
  });

  test('a session that is ended in one browser ends in the other', async () => {
    const page = await open();
    const email = await register(page);
    const here = context;
    const elsewhere = await browser.newContext({ locale: 'en-GB' });
    const other = await elsewhere.newPage();
    await other.goto(origin);
    await signIn(other, { email, password: PASSWORD });
    await heading(other, 'Account');

    await other.getByRole('button', { name: 'End this session' }).click();
    await eventually(async () => expect(await other.getByRole('button', { name: 'End this session' }).count()).toBe(0));
    await fill(page, { Name: 'Eve' });
    await press(page, 'Save');

    await heading(page, 'Sign in');
    await elsewhere.close();
    context = here;
  });

  test('two tabs sign in and out together', async () => {
    const one = await open();
    const other = await openTab();
    await heading(other, 'Sign in');

    await register(one);
    await heading(other, 'Account');
    await press(other, 'Sign out');

    await heading(one, 'Sign in');
  });

  test('a token that runs out is refreshed, and nobody notices', async () => {
    const page = await open();
    await register(page);
    await page.clock.install();
    await page.clock.fastForward('16:00');

    await fill(page, { Name: 'Ada King' });
    await press(page, 'Save');

    await page.getByText('Saved.').waitFor();
  });

  test('a query by its hash is sent once more where the token does not count', async () => {
    const page = await open();
    await signIn(page);
    await heading(page, 'Account');
    await press(page, 'People');
    let sent = 0;
    await context.route(
      (url) => url.pathname === '/graphql',
      (route) => {
        if (route.request().postDataJSON()?.operationName !== 'Me') return route.fallback();
        sent += 1;
        const headers = { ...route.request().headers(), ...(sent === 1 && { authorization: 'Bearer none' }) };
        return route.continue({ headers });
      },
    );

    await press(page, 'Account');

    await eventually(() => expect(sent).toBe(2));
    await heading(page, 'Account');
    await page.getByText(ADMIN.email).waitFor();
  });

  test('without a connection at the start or at the sign-out, one can try again', async () => {
    const page = await open();
    const email = await register(page);
    const mendRefresh = await cut('GatehouseRefresh');
    await page.reload();
    await noConnection(page);
    await mendRefresh();
    await press(page, 'Try again');
    await heading(page, 'Account');

    const mendLogout = await cut('GatehouseLogout');
    await press(page, 'Sign out');
    await noConnection(page);
    await heading(page, 'Sign in');
    await mendLogout();
    await press(page, 'Try again');
    await page.getByRole('alert').waitFor({ state: 'detached' });
    await signIn(page, { email, password: PASSWORD });

    await heading(page, 'Account');
  });

  test('a list that cannot be read on says so', async () => {
    const page = await open();
    await signIn(page);
    await heading(page, 'Account');
    await press(page, 'Records');
    const mend = await cut('"AuditEvents"');
    await press(page, 'Show more');
    await noConnection(page);
    const before = await page.getByRole('row').count();
    await mend();
    await press(page, 'Show more');

    await eventually(async () => expect(await page.getByRole('row').count()).toBeGreaterThan(before));
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  test('what is done has not failed where the page cannot be read anew', async () => {
    const page = await open();
    const email = await register(page);
    await page.getByText('this one').waitFor();
    await cut('"Me"');
    await fill(page, { 'Current password': PASSWORD, 'New password': 'a quite different one' });
    await press(page, 'Change password');

    await page.getByText('Your password is changed.').waitFor();
    await noConnection(page);
    await page.getByText(email).waitFor();
  });

  test('what one user has read is not shown to the next, whom the cookie has become', async () => {
    const page = await open();
    const email = await register(page);
    await page.getByText(email).waitFor();
    await context.request.post(`${api.url}/graphql`, {
      headers: { origin },
      data: { query: GatehouseLogin, variables: { input: ADMIN } },
    });
    // Answered by the cache, or not at all.
    await context.route(
      (url) => url.pathname === '/graphql',
      (route) => (route.request().postDataJSON()?.operationName === 'Me' ? undefined : route.fallback()),
    );
    await page.clock.install();
    await page.clock.fastForward('16:00');

    await press(page, 'Save');

    await page.getByRole('banner').getByText('Admin', { exact: true }).waitFor();
    expect(await page.getByText(email).count()).toBe(0);
  });

  test('somebody who tries too often is told when to come back', async () => {
    const page = await open();
    const email = freshEmail();

    await eventually(async () => {
      await signIn(page, { email, password: 'wrong' });
      await page
        .getByRole('alert')
        .getByText(/Too many attempts\. Try again in \d+ s\./)
        .waitFor({ timeout: 1_000 });
    });
  });

  test('an admin searches, orders, reads on, gives a role and deactivates', async () => {
    const page = await open();
    const email = await register(page);
    await press(page, 'Sign out');
    await heading(page, 'Sign in');
    await signIn(page);
    await heading(page, 'Account');

    await press(page, 'People');
    await heading(page, 'People');
    await page.getByLabel('Search').fill(email);
    await page.getByRole('status').getByText('1 in all').waitFor();
    await press(page, 'Make admin');
    await page.getByRole('cell', { name: 'ADMIN Make member' }).waitFor();
    await press(page, 'Make member');
    await page.getByRole('cell', { name: 'MEMBER Make admin' }).waitFor();
    await press(page, 'Deactivate');
    await page.getByRole('cell', { name: 'deactivated Activate' }).waitFor();
    await page.getByLabel('Order').selectOption({ label: 'By name' });
    await page.getByLabel('Search').fill('');
    await eventually(async () => expect(await page.getByRole('row').count()).toBeGreaterThan(3));
    await press(page, 'Records');
    await heading(page, 'Records');
    await page.getByRole('cell', { name: 'user.deactivated' }).first().waitFor();
    const before = await page.getByRole('row').count();
    await press(page, 'Show more');

    await eventually(async () => expect(await page.getByRole('row').count()).toBeGreaterThan(before));
  });

  test('everything can be done by the keyboard alone', async () => {
    const page = await open();
    const email = freshEmail();
    const tabTo = async (name: string) => {
      for (let presses = 0; presses < 40; presses += 1) {
        await page.keyboard.press('Tab');
        const focused = await page.evaluate(FOCUSED);
        if (focused === name) return;
      }
      throw new Error(`${name} cannot be reached`);
    };
    await heading(page, 'Sign in');

    await tabTo('No account yet? Register');
    await page.keyboard.press('Enter');
    for (const [name, text] of [
      ['Name', 'Ada'],
      ['E-mail', email],
      ['Password', PASSWORD],
    ] as const) {
      await tabTo(name);
      await page.keyboard.type(text);
    }
    await page.keyboard.press('Enter');
    await heading(page, 'Account');
    await tabTo('Sign out');
    await page.keyboard.press('Space');

    await heading(page, 'Sign in');
  });

  test.each([
    ['en-light', {}, ['Account', 'People', 'Records'], 'Sign in', 'Register'],
    ['en-dark', { colorScheme: 'dark' }, ['Account', 'People', 'Records'], 'Sign in', 'Register'],
    ['ko-light', { ...KOREAN, colorScheme: 'light' }, ['계정', '사용자', '기록'], '로그인', '가입'],
    ['ko-dark', KOREAN, ['계정', '사용자', '기록'], '로그인', '가입'],
  ] as [string, BrowserContextOptions, string[], string, string][])(
    'each page is accessible, in %s',
    async (look, options, names, signInName, registerName) => {
      const found: string[] = [];
      const check = async (page: Page, name: string) => {
        found.push(...(await violations(page)).map((violation) => `${name}: ${violation}`));
        await picture(page, `${name}-${look}`);
      };
      const page = await open(options);
      await heading(page, signInName);
      await check(page, 'sign-in');
      await page.locator('button.link').click();
      await heading(page, registerName);
      await check(page, 'register');
      await page.locator('button.link').click();
      await page.locator('input[type=email]').fill(ADMIN.email);
      await page.locator('input[type=password]').fill(ADMIN.password);
      await page.locator('button[type=submit]').click();
      for (const [at, file] of ['account', 'people', 'records'].entries()) {
        await page.getByRole('button', { name: names[at], exact: true }).click();
        await heading(page, names[at] ?? '');
        await page
          .locator(file === 'account' ? 'section' : 'tbody tr')
          .first()
          .waitFor();
        await check(page, file);
      }

      expect(found).toEqual([]);
    },
  );
});
