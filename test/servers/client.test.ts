// packages/client as a front end takes it: the examples of its README are run, and tabs of a real browser share a
// session of a real API.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, BrowserContext, Page, Route } from 'playwright-core';
import { launchChromium } from '../support/browser.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { DELETE_USER, freshEmail, LOGIN, member, PASSWORD, signIn } from '../support/people.js';
import { type ApiProcess, startApi } from '../support/processes.js';
import { freePort } from '../support/servers/free-port.js';

const FOLDER = 'packages/client';
const examples = [...readFileSync(`${FOLDER}/README.md`, 'utf8').matchAll(/```js\n([\s\S]*?)```/g)].map(
  ([, code = '']) => code,
);

beforeAll(() => {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', `${FOLDER}/tsconfig.json`]);
});

describe('the README of packages/client', () => {
  const folder = `${FOLDER}/dist/examples`;
  let api: ApiProcess;

  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    api = await startApi({});
  });
  afterAll(async () => {
    await api?.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  function run(path: string, code: string) {
    writeFileSync(path, code.replaceAll('http://localhost:4000', api.url));
    return spawnSync(process.execPath, [path], { encoding: 'utf8', timeout: 30_000 });
  }

  test('has examples that print what they say, one after the other', () => {
    for (const [at, example] of examples.entries()) {
      const path = join(folder, `${at}.mjs`);
      const { status, stdout, stderr } = run(path, example);
      const promised = [...example.matchAll(/ \/\/ (.+)$/gm)].map(([, text]) => text);

      expect([example, status, stderr, stdout.trim().split('\n')]).toEqual([example, 0, '', promised]);
    }
    expect(examples.length).toBeGreaterThan(6);
  });

  test('says what holds in Node.js: each client has a session of its own, and keeps no process', () => {
    const input = JSON.stringify({ email: freshEmail(), password: PASSWORD, name: 'Ada' });
    const { stdout, stderr } = run(
      join(folder, 'server.mjs'),
      `import { createGatehouse } from '@gatehouse/client';

      const [one, other] = [1, 2].map(() => createGatehouse({ url: 'http://localhost:4000/graphql', cookies: false }));
      await one.register(${input});
      process.on('beforeExit', () => console.log(one.user.name, other.user));`,
    );

    expect([stderr, stdout]).toEqual(['', 'Ada undefined\n']);
  });
});

interface Client {
  user: { id: string; name: string; email: string } | null | undefined;
  restore(): Promise<Client['user']>;
  register(input: object): Promise<Client['user']>;
  signIn(input: object): Promise<Client['user']>;
  signOut(options?: object): Promise<void>;
  accessToken(): Promise<string | null>;
  request(document: string, variables?: object): Promise<Record<string, unknown>>;
  fetch: typeof fetch;
}

/** What the page of a tab has. */
declare const window: { client: Client; changes: (string | null)[]; arrived: Promise<unknown> };

describeWithServers(['chromium'], 'tabs of a browser', () => {
  let api: ApiProcess;
  let site: Server;
  let browser: Browser;
  let context: BrowserContext;
  let refreshes = 0;

  beforeAll(async () => {
    site = createServer(({ url = '/' }, response) => {
      if (!url.endsWith('.js'))
        return response.setHeader('content-type', 'text/html').end('<!doctype html><title>Tab</title>');
      return response.setHeader('content-type', 'text/javascript').end(readFileSync(join(FOLDER, 'dist', url)));
    });
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
    const port = await freePort();
    api = await startApi({
      PORT: String(port),
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      REFRESH_TOKEN_COOKIE: 'true',
      CORS_ORIGINS: origin(),
    });
    browser = await launchChromium();
  });

  afterEach(() => context?.close());
  afterAll(async () => {
    await browser?.close();
    site?.close();
    await api?.kill();
  });

  const origin = () => `http://127.0.0.1:${(site.address() as AddressInfo).port}`;

  async function openBrowser(): Promise<void> {
    context = await browser.newContext();
    refreshes = 0;
    context.on('request', (request) => {
      if (request.postData()?.includes('GatehouseRefresh')) refreshes += 1;
    });
  }

  async function openTab(): Promise<Page> {
    const page = await context.newPage();
    await page.goto(origin());
    await page.evaluate(async (url) => {
      const path = '/index.js';
      const { createGatehouse } = await import(path);
      window.client = createGatehouse({ url });
      window.changes = [];
      (window.client as unknown as { onChange(listener: (user: Client['user']) => void): void }).onChange((user) =>
        window.changes.push(user?.email ?? null),
      );
    }, `${api.url}/graphql`);
    return page;
  }

  const registerIn = (page: Page, email = freshEmail()) =>
    page.evaluate(([address, password]) => window.client.register({ email: address, password, name: 'Ada' }), [
      email,
      PASSWORD,
    ] as const);
  const userOf = (page: Page) => page.evaluate(() => window.client.user?.email ?? window.client.user);
  const me = (page: Page) => page.evaluate(() => window.client.request('query Me { me { email } }'));

  test('a sign-in is known in the others, and a new one takes the token from them', async () => {
    await openBrowser();
    const [one, other] = [await openTab(), await openTab()];
    await other.evaluate(() => window.client.restore());

    const user = await registerIn(one);
    await eventually(async () => expect(await userOf(other)).toBe(user?.email));
    const before = refreshes;
    const late = await openTab();
    const restored = await late.evaluate(() => window.client.restore());

    expect(restored?.email).toBe(user?.email);
    expect(await me(late)).toEqual({ me: { email: user?.email } });
    expect(refreshes).toBe(before);
    expect(await other.evaluate(() => window.changes)).toEqual([null, user?.email]);
  });

  test('a page that is loaded again has its session, and no script can read the refresh token', async () => {
    await openBrowser();
    const page = await openTab();
    const user = await registerIn(page);
    await page.close();

    const again = await openTab();
    const restored = await again.evaluate(() => window.client.restore());

    expect(restored?.email).toBe(user?.email);
    expect(refreshes).toBe(1);
    expect(
      await again.evaluate('document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)'),
    ).toBe('{}{}');
  });

  test('of ten that need a token at once, one refreshes', async () => {
    await openBrowser();
    const first = await openTab();
    const user = await registerIn(first);
    await first.close();
    const tabs = await Promise.all(Array.from({ length: 10 }, openTab));

    const restored = await Promise.all(tabs.map((tab) => tab.evaluate(() => window.client.restore())));

    expect(restored.map((one) => one?.email)).toEqual(Array(10).fill(user?.email));
    expect(refreshes).toBe(1);
  });

  test('a token that runs out is refreshed before the next request', async () => {
    await openBrowser();
    const page = await openTab();
    const user = await registerIn(page);
    const first = await page.evaluate(() => window.client.accessToken());

    await page.clock.install();
    await page.clock.fastForward('14:45');
    const answers = await page.evaluate(() =>
      Promise.all(Array.from({ length: 5 }, () => window.client.request('query Me { me { email } }'))),
    );

    expect(answers).toEqual(Array(5).fill({ me: { email: user?.email } }));
    expect(await page.evaluate(() => window.client.accessToken())).not.toBe(first);
    expect(refreshes).toBe(1);
  });

  test('a request whose token does not count is sent once more, in each form that fetch takes', async () => {
    await openBrowser();
    const page = await openTab();
    const user = await registerIn(page);
    let refuse = false;
    await context.route(
      (url) => url.pathname === '/graphql',
      async (route) => {
        if (!route.request().postData()?.includes('Own')) return route.fallback();
        refuse = !refuse;
        const headers = { ...route.request().headers(), ...(refuse && { authorization: 'Bearer none' }) };
        return route.continue({ headers });
      },
    );

    const answers = await page.evaluate(
      async ([url, id]) => {
        const init = {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ query: 'query Own($id: ID!) { user(id: $id) { email } }', variables: { id } }),
        };
        const forms: [string | URL | Request, RequestInit?][] = [
          [url, init],
          [new URL(url), init],
          [new Request(url, init)],
          [new Request(url), init],
        ];
        const bodies: unknown[] = [];
        for (const form of forms) bodies.push(await (await window.client.fetch(...form)).json());
        return bodies;
      },
      [`${api.url}/graphql`, user?.id] as const,
    );

    expect(answers).toEqual(Array(4).fill({ data: { user: { email: user?.email } } }));
    expect(refreshes).toBe(4);
  });

  test('a sign-out in one signs out all', async () => {
    await openBrowser();
    const [one, other] = [await openTab(), await openTab()];
    await registerIn(one);
    await eventually(async () => expect(await userOf(other)).toBeTruthy());

    await other.evaluate(() => window.client.signOut());

    await eventually(async () => expect(await userOf(one)).toBeNull());
    expect(await one.evaluate(() => window.client.accessToken())).toBeNull();
    const late = await openTab();
    expect(await late.evaluate(() => window.client.restore())).toBeNull();
  });

  const LIMITED = { data: null, errors: [{ message: 'Later.', extensions: { code: 'RATE_LIMITED' } }] };
  const notAnswered: [string, string, object, (route: Route) => Promise<void>][] = [
    ['without a connection', 'NETWORK_ERROR', {}, (route) => route.abort('internetdisconnected')],
    ['that a proxy answers', 'NETWORK_ERROR', {}, (route) => route.fulfill({ status: 502, body: 'down' })],
    [
      'that is refused for now',
      'RATE_LIMITED',
      { everywhere: true },
      (route) => route.fulfill({ status: 429, json: LIMITED, headers: allowed() }),
    ],
  ];
  const allowed = () => ({ 'access-control-allow-origin': origin(), 'access-control-allow-credentials': 'true' });

  test.each(notAnswered)('a sign-out %s counts for later pages, and reaches the server', async (_, code, how, fail) => {
    await openBrowser();
    const page = await openTab();
    const user = await registerIn(page);
    const elsewhere = await signIn(api, { email: user?.email ?? '', password: PASSWORD });
    let isDown = true;
    await context.route(
      (url) => url.pathname === '/graphql',
      (route) => (isDown && route.request().postData()?.includes('GatehouseLogout') ? fail(route) : route.fallback()),
    );

    const outcome = await page.evaluate(
      (how) =>
        window.client.signOut(how).then(
          () => 'done',
          (error: { code: string }) => error.code,
        ),
      how,
    );
    await page.close();
    const meanwhile = await openTab();
    const restored = [await meanwhile.evaluate(() => window.client.restore())];
    isDown = false;
    const later = await openTab();
    restored.push(await later.evaluate(() => window.client.restore()));

    expect(outcome).toBe(code);
    expect(restored).toEqual([null, null]);
    expect(refreshes).toBe(0);
    expect((await context.cookies()).filter(({ name }) => name.includes('refresh'))).toEqual([]);
    const { data } = await elsewhere.ask('{ me { sessions { id } } }');
    expect(data.me?.sessions.length).toBe('everywhere' in how ? undefined : 1);
  });

  test('a sign-in takes the place of a sign-out that did not reach the server', async () => {
    await openBrowser();
    const page = await openTab();
    const user = await registerIn(page);
    await context.route(
      (url) => url.pathname === '/graphql',
      (route) => (route.request().postData()?.includes('GatehouseLogout') ? route.abort() : route.fallback()),
    );
    await page.evaluate(() => window.client.signOut().catch(() => undefined));

    await page.evaluate((input) => window.client.signIn(input), { email: user?.email, password: PASSWORD });
    await page.close();
    const again = await openTab();

    expect((await again.evaluate(() => window.client.restore()))?.email).toBe(user?.email);
  });

  test('a sign-out sends the token that has run out, and refreshes nothing before', async () => {
    await openBrowser();
    const page = await openTab();
    const user = await registerIn(page);
    const elsewhere = await signIn(api, { email: user?.email ?? '', password: PASSWORD });
    await page.clock.install();
    await page.clock.fastForward('16:00');
    await context.clearCookies();

    await page.evaluate(() => window.client.signOut());

    expect(refreshes).toBe(0);
    const { data } = await elsewhere.ask('{ me { sessions { id } } }');
    expect(data.me.sessions).toEqual([{ id: elsewhere.sessionId }]);
  });

  /** Holds back the answer to the next refresh, until something else waits for its turn behind it. */
  async function holdRefresh(page: Page): Promise<void> {
    await context.route(
      (url) => url.pathname === '/graphql',
      async (route) => {
        if (!route.request().postData()?.includes('GatehouseRefresh')) return route.fallback();
        const response = await route.fetch();
        await eventually(async () =>
          expect(await page.evaluate(async () => (await navigator.locks.query()).pending?.length)).toBe(1),
        );
        await route.fulfill({ response });
      },
    );
  }

  test('a sign-in waits for the answer to a refresh, which would undo it', async () => {
    await openBrowser();
    const [one, other] = [await openTab(), await openTab()];
    await holdRefresh(other);

    const restored = one.evaluate(() => window.client.restore());
    await eventually(() => expect(refreshes).toBe(1));
    const user = await registerIn(other);

    expect(await restored).toBeNull();
    await eventually(async () => expect([await userOf(one), await userOf(other)]).toEqual([user?.email, user?.email]));
    expect(await me(one)).toEqual({ me: { email: user?.email } });
  });

  test('a sign-out waits for the answer to a refresh, which would undo it', async () => {
    await openBrowser();
    const [one, other] = [await openTab(), await openTab()];
    const user = await registerIn(one);
    await eventually(async () => expect(await userOf(other)).toBe(user?.email));
    await one.clock.install();
    await one.clock.fastForward('14:45');
    await holdRefresh(other);

    const asked = me(one);
    await eventually(() => expect(refreshes).toBe(1));
    await other.evaluate(() => window.client.signOut());
    await asked.catch(() => undefined);

    await eventually(async () => expect([await userOf(one), await userOf(other)]).toEqual([null, null]));
    expect(await one.evaluate(() => window.client.accessToken())).toBeNull();
  });

  test('what a tab answers late signs nobody in again', async () => {
    await openBrowser();
    const [one, other] = [await openTab(), await openTab()];
    await registerIn(one);
    const name = `gatehouse ${api.url}/graphql`;
    const answer = await other.evaluate(async (name) => {
      const channel = new BroadcastChannel(name);
      const answered = new Promise((resolve) =>
        channel.addEventListener('message', (event) => resolve((event as Event & { data: unknown }).data)),
      );
      channel.postMessage('who has a token?');
      return answered;
    }, name);
    await one.evaluate(() => window.client.signOut());
    await eventually(async () => expect(await userOf(other)).toBeNull());

    await other.evaluate((name) => {
      window.arrived = new Promise((resolve) =>
        new BroadcastChannel(name).addEventListener('message', () => resolve(undefined)),
      );
    }, name);
    await one.evaluate(([name, answer]) => new BroadcastChannel(name as string).postMessage(answer), [name, answer]);
    await other.evaluate(() => window.arrived);

    expect(answer).toMatchObject({ access: { token: expect.any(String) } });
    expect([await userOf(one), await userOf(other)]).toEqual([null, null]);
  });

  test('without Web Locks they wait in one tab at least', async () => {
    await openBrowser();
    await context.addInitScript(() => Object.defineProperty(navigator, 'locks', { value: undefined }));
    const seen: string[] = [];
    const nameIn = (text: string | null) => /Gatehouse\w+/.exec(text ?? '')?.[0];
    context.on('request', (request) => void seen.push(`${nameIn(request.postData())} is sent`));
    context.on('response', (response) => void seen.push(`${nameIn(response.request().postData())} is answered`));
    const page = await openTab();

    const user = await page.evaluate(
      async (input) => {
        const [, user] = await Promise.all([window.client.restore(), window.client.register(input)]);
        return user;
      },
      { email: freshEmail(), password: PASSWORD, name: 'Ada' },
    );

    expect(await userOf(page)).toBe(user?.email);
    expect(seen.filter((line) => /Refresh is answered|Register is sent/.test(line))).toEqual([
      'GatehouseRefresh is answered',
      'GatehouseRegister is sent',
    ]);
  });

  /** Sends `operation` with a token that does not count, once; answers how often it was sent. */
  async function spoilOnce(operation: string): Promise<() => number> {
    let sent = 0;
    await context.route(
      (url) => url.pathname === '/graphql',
      async (route) => {
        if (!route.request().postData()?.includes(operation)) return route.fallback();
        sent += 1;
        const headers = { ...route.request().headers(), ...(sent === 1 && { authorization: 'Bearer none' }) };
        return route.continue({ headers });
      },
    );
    return () => sent;
  }

  test('a public query whose token does not count is sent once more', async () => {
    await openBrowser();
    const page = await openTab();
    const user = await registerIn(page);
    const sent = await spoilOnce('query Me');

    expect(await me(page)).toEqual({ me: { email: user?.email } });
    expect([sent(), refreshes]).toEqual([2, 1]);
  });

  test('a public mutation whose token does not count is done, and not sent again', async () => {
    await openBrowser();
    const page = await openTab();
    const user = await registerIn(page);
    const sent = await spoilOnce('mutation Forgotten');

    const answer = await page.evaluate(
      (variables) =>
        window.client.request(
          'mutation Forgotten($email: EmailAddress!) { requestPasswordReset(email: $email) { accepted } }',
          variables,
        ),
      { email: user?.email },
    );

    expect(answer).toEqual({ requestPasswordReset: { accepted: true } });
    expect([sent(), refreshes]).toEqual([1, 0]);
  });

  test('a session that is ended elsewhere signs out all, at the next public query too', async () => {
    await openBrowser();
    const [one, other] = [await openTab(), await openTab()];
    const user = await registerIn(one);
    const root = await signIn(api);
    await root.ask(DELETE_USER, { id: user?.id });

    expect(await me(one)).toEqual({ me: null });
    await eventually(async () => expect([await userOf(one), await userOf(other)]).toEqual([null, null]));
  });

  test.each([
    ['a token that has run out', '16:00'],
    ['a token that does not count', '00:01'],
  ])('what one user asks with %s is not done as another, whom the cookie has become', async (_, later) => {
    await openBrowser();
    const page = await openTab();
    await registerIn(page);
    const other = await member(api, { name: 'Grace Hopper' });
    // As another front end of the same API does.
    const input = { email: other.email, password: PASSWORD };
    await context.request.post(`${api.url}/graphql`, {
      headers: { origin: origin() },
      data: { query: LOGIN, variables: { input } },
    });
    await page.clock.install();
    await page.clock.fastForward(later);
    await context.route(
      (url) => url.pathname === '/graphql',
      async (route) => {
        const isFirst = route.request().postData()?.includes('Rename') && refreshes === 0;
        const headers = { ...route.request().headers(), ...(isFirst && { authorization: 'Bearer none' }) };
        return route.continue({ headers });
      },
    );

    const code = await page.evaluate(() =>
      window.client
        .request('mutation Rename { updateProfile(input: { name: "Ada King" }) { name } }')
        .then(() => 'done')
        .catch((error: { code: string }) => error.code),
    );

    expect(code).toBe('UNAUTHENTICATED');
    expect(await userOf(page)).toBe(other.email);
    expect((await other.ask('{ me { name } }')).data).toEqual({ me: { name: 'Grace Hopper' } });
  });

  test('a session that is ended elsewhere signs out all, at the next request that needs it', async () => {
    await openBrowser();
    const [one, other] = [await openTab(), await openTab()];
    const user = await registerIn(one);
    const root = await signIn(api);
    await root.ask(DELETE_USER, { id: user?.id });

    const code = await one.evaluate(() =>
      window.client
        .request('mutation Rename { updateProfile(input: { name: "Eve" }) { name } }')
        .then(() => 'done')
        .catch((error: { code: string }) => error.code),
    );

    expect(code).toBe('UNAUTHENTICATED');
    await eventually(async () => expect([await userOf(one), await userOf(other)]).toEqual([null, null]));
  });

  test('an error has its code, also where there is no answer', async () => {
    await openBrowser();
    const page = await openTab();
    const failing = (email: string) =>
      page.evaluate(
        ([address]) =>
          window.client
            .signIn({ email: address, password: 'wrong' })
            .then(() => 'done')
            .catch((error: { code: string; path?: string }) => `${error.code} ${error.path ?? ''}`.trim()),
        [email] as const,
      );

    expect(await failing(freshEmail())).toBe('INVALID_CREDENTIALS');
    expect(await failing('no address')).toBe('BAD_USER_INPUT input.email');
    await context.setOffline(true);
    expect(await failing(freshEmail())).toBe('NETWORK_ERROR');
  });
});
