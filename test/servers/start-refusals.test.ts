// A start that is not possible says why in one line, and leaves nothing; it is tried with each obstacle.

import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { describeWithServers } from '../support/describe-with-servers.js';
import { temporaryFolder } from '../support/once-per-run.js';
import { type Env, runCommand, select } from '../support/processes.js';
import { type PostgresServer, startPostgres } from '../support/servers/postgres.js';

const API = 'dist/src/main.js';
const IN_DEVELOPMENT = { JWT_PRIVATE_KEY: '', PASSWORD_PEPPER: '' };

/** One line that begins with the setting, and holds no secret. */
async function refusal(env: Env, script = API, args: string[] = []) {
  const { code, output } = await runCommand(script, args, { ...IN_DEVELOPMENT, ...env }, 'a long password here\n');
  expect(output).not.toContain('canary');
  return { code, output };
}
const line = (start: RegExp) => ({ code: 1, output: expect.stringMatching(new RegExp(`^${start.source}.*\n$`)) });

describe('a start that cannot be is told in one line', () => {
  let folder: string;
  let busy: Server;
  let busyPort: string;

  beforeAll(async () => {
    folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    mkdirSync(join(folder, 'broken', 'postgres'), { recursive: true });
    writeFileSync(join(folder, 'broken', 'postgres', 'PG_VERSION'), '9\n');
    // Speaks, but not as PostgreSQL does.
    busy = createServer((socket) => socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    busyPort = String((busy.address() as { port: number }).port);
  });

  afterAll(() => {
    busy.close();
  });

  test('before anything is written, where the port is in use or the address not ours', async () => {
    const DATA_DIR = join(folder, 'unwritten');

    expect(await refusal({ DATA_DIR, PORT: busyPort })).toEqual(line(/PORT is in use/));
    expect(await refusal({ DATA_DIR, HOST: '203.0.113.9' })).toEqual(line(/HOST is no address of this machine/));
    expect(await refusal({ DATA_DIR, HOST: 'nohost.invalid' })).toEqual(line(/HOST is a name/));
    expect(existsSync(DATA_DIR)).toBe(false);
  });

  test.each([
    ['a data folder that is a file', () => ({ DATA_DIR: join(folder, 'file') }), /DATA_DIR cannot be used \(EEXIST\)/],
    ['one below a file', () => ({ DATA_DIR: join(folder, 'file', 'x') }), /DATA_DIR cannot be used \(ENOTDIR\)/],
    [
      'a broken database',
      () => ({ DATA_DIR: join(folder, 'broken') }),
      /DATA_DIR holds a database that cannot be opened/,
    ],
    [
      'keys that are a file',
      () => ({ JWT_KEYS_DIR: join(folder, 'file') }),
      /JWT_KEYS_DIR, or DATA_DIR where it is not set, cannot be used/,
    ],
    ['nothing there', () => ({ DATABASE_URL: 'postgres://u:canary@127.0.0.1:1/x' }), /DATABASE_URL .*ECONNREFUSED/],
    ['no such host', () => ({ DATABASE_URL: 'postgres://u:canary@nohost.invalid/x' }), /DATABASE_URL has a host/],
    ['no PostgreSQL', () => ({ DATABASE_URL: `postgres://u:canary@127.0.0.1:${busyPort}/x` }), /DATABASE_URL leads/],
    [
      'a first admin without an address',
      () => ({ ADMIN_EMAIL: 'canary', ADMIN_PASSWORD: 'a canary of 18' }),
      /.*ADMIN_EMAIL/,
    ],
  ])('%s', async (_, env, start) => {
    // Settings may say it as a list.
    const { code, output } = await refusal(env());

    expect({ code, output: output.replace(/^The settings cannot be used:\n {2}- /, '') }).toEqual(line(start));
  });

  test.each([
    ['migrate', []],
    ['users-import', ['package.json']],
    ['audit-verify', []],
    ['admin-create', ['root@example.org']],
  ])('by the command %s, too', async (command, args) => {
    const script = `dist/src/commands/${command}.js`;

    expect(await refusal({ DATABASE_URL: 'postgres://u:canary@127.0.0.1:1/x' }, script, args)).toEqual(
      line(/DATABASE_URL .*ECONNREFUSED/),
    );
    expect(await refusal({ DATA_DIR: join(folder, 'file') }, script, args)).toEqual(line(/DATA_DIR cannot be used/));
  });

  test('and a start that failed leaves no lock and no draft', () => {
    const left = readdirSync(folder, { recursive: true, encoding: 'utf8' });

    expect(left.filter((name) => /lock$|draft/.test(name) && !name.endsWith('postgres.lock'))).toEqual([]);
  });
});

describeWithServers(['postgres'], 'a PostgreSQL that refuses is told in one line', () => {
  let postgres: PostgresServer;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.stop());

  test.each<[string, (url: URL) => void, string, RegExp]>([
    ['no such database', (url) => Object.assign(url, { pathname: '/canary' }), '', /DATABASE_URL names a database/],
    ['no such user', (url) => Object.assign(url, { username: 'canary' }), '', /DATABASE_URL has a user/],
    [
      'a user without rights',
      (url) => Object.assign(url, { username: 'reader' }),
      'create role reader login',
      /DATABASE_URL has a user without/,
    ],
    [
      'no writes',
      () => undefined,
      'alter role test set default_transaction_read_only = on',
      /DATABASE_URL leads to a server that takes no writes/,
    ],
  ])('%s', async (_, change, sql, start) => {
    const url = new URL(await postgres.createDatabase());
    if (sql) await select(url.href, sql);
    change(url);

    expect(await refusal({ DATABASE_URL: url.href })).toEqual(line(start));
  });
});
