// The explorer works in a browser that reaches nothing but the API, and is there only where it is asked for.

import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../support/browser.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { codes } from '../support/people.js';
import { type ApiProcess, runCommand, startApi } from '../support/processes.js';
import { freePort } from '../support/servers/free-port.js';
import { sharedPostgres } from '../support/servers/postgres.js';

const ADMIN = { email: 'admin@example.com', password: 'admin1234' };

describeWithServers(['chromium'], 'the explorer', () => {
  let api: ApiProcess;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  const elsewhere: string[] = [];

  beforeAll(async () => {
    buildExplorer();
    const port = await freePort();
    api = await startApi({
      PORT: String(port),
      PUBLIC_URL: `http://127.0.0.1:${port}`,
    });
    browser = await launchChromium();
    page = await browser.newPage();
    complaints = complaintsOf(page);
    await page.route(
      (url) => url.protocol.startsWith('http') && url.origin !== api.url,
      (route) => {
        elsewhere.push(route.request().url());
        return route.abort('internetdisconnected');
      },
    );
  });

  afterAll(async () => {
    await browser?.close();
    await api?.kill();
  });

  test('a browser without network comes from the address of the API to the explorer', async () => {
    await page.goto(`${api.url}/graphql`);
    await page.waitForURL(`${api.url}/explorer/`);
    await page.getByRole('button', { name: 'Execute query' }).waitFor();
    expect(elsewhere).toContainEqual(expect.stringContaining('embeddable-sandbox'));
    // The page of Sandbox asked for all of them.
    complaints.length = 0;
    elsewhere.length = 0;
  });

  test('it logs in, and sends an example with the token', async () => {
    await page.getByLabel('E-mail').fill(ADMIN.email);
    await page.getByLabel('Password').fill('not the right one');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('INVALID_CREDENTIALS').waitFor();

    await page.getByLabel('Password').fill(ADMIN.password);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('Admin, ADMIN').waitFor();

    await page.getByRole('button', { name: 'Execute query' }).click();
    await page.getByRole('menuitem', { name: 'Me', exact: true }).click();
    await page.locator('.graphiql-response').getByText(`"${ADMIN.email}"`).waitFor();
  });

  test('the documentation says the rule and the codes of a field', async () => {
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    await page.locator('.graphiql-doc-explorer').getByRole('link', { name: 'Mutation', exact: true }).click();
    await page.locator('.graphiql-doc-explorer').getByRole('link', { name: 'deleteUser', exact: true }).click();
    const documentation = page.locator('.graphiql-doc-explorer');
    await documentation.getByText('Access: SELF_OR_ADMIN. Errors: BAD_USER_INPUT, NOT_FOUND, LAST_ADMIN').waitFor();
  });

  test('it keeps nothing in the browser, asks no other server, and violates no policy', async () => {
    expect(await page.evaluate('[localStorage.length, sessionStorage.length]')).toEqual([0, 0]);
    expect(elsewhere).toEqual([]);
    expect(complaints).toEqual([]);
    // As docs/pictures has it.
    if (process.env.UPDATE_DOCS === '1') await page.screenshot({ path: 'docs/pictures/explorer.png' });
  });
});

describeWithServers(['chromium', 'postgres'], 'the explorer in production, where it is asked for', () => {
  test('it has the schema, which introspection does not tell', async () => {
    buildExplorer();
    const postgres = await sharedPostgres();
    const env = {
      NODE_ENV: 'production',
      BCRYPT_COST: '10',
      EXPLORER: 'true',
      DATABASE_URL: await postgres.createDatabase(),
      // Nothing listens there: both are missed and not needed to serve.
      REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
      AMQP_URL: `amqp://127.0.0.1:${await freePort()}`,
    };
    await runCommand('dist/src/commands/migrate.js', [], env);
    await using api = await startApi(env);
    await using browser = await launchChromium();
    const page = await browser.newPage();
    const complaints = complaintsOf(page);

    await page.goto(`${api.url}/explorer/`);
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    await page.locator('.graphiql-doc-explorer').getByRole('link', { name: 'Query', exact: true }).click();
    await page.locator('.graphiql-doc-explorer').getByRole('link', { name: 'users', exact: true }).waitFor();

    expect(complaints).toEqual([]);
    expect(codes(await api.ask('{ __schema { types { name } } }'))).toEqual(['GRAPHQL_VALIDATION_FAILED']);
  });
});

function buildExplorer(): void {
  const { status, stderr } = spawnSync(process.execPath, ['packages/explorer/build.js'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the explorer was not built:\n${stderr}`);
}

function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return complaints;
}
