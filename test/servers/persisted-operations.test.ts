// Registered documents of two instances on one Redis, which is poisoned and stopped; a manifest that is read at the
// start and on a signal; and the command that checks one.

import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/once-per-run.js';
import { type Answer, answerOf, ask, codes } from '../support/people.js';
import { type ApiProcess, type Env, runCommand, startApi, startProcess } from '../support/processes.js';
import { sharedPostgres } from '../support/servers/postgres.js';
import type { Server } from '../support/servers/private-server.js';
import { startRedis, withRedis } from '../support/servers/redis.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

let made = 0;
const freshQuery = () => {
  made += 1;
  return `query Shared${made} { me { id } }`;
};

async function send(api: ApiProcess, body: object): Promise<Answer> {
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return answerOf(response);
}

const register = (api: ApiProcess, query: string) =>
  send(api, { query, extensions: { persistedQuery: { version: 1, sha256Hash: sha256(query) } } });
const byHash = (api: ApiProcess, query: string) => send(api, { documentId: `sha256:${sha256(query)}` });

describeWithServers(['postgres', 'redis'], 'registered documents of two instances', () => {
  let redis: Server;
  let one: ApiProcess;
  let other: ApiProcess;

  beforeAll(async () => {
    const [postgres, server] = await Promise.all([sharedPostgres(), startRedis()]);
    redis = server;
    const env: Env = { DATABASE_URL: await postgres.createDatabase(), REDIS_URL: redis.url };
    [one, other] = await Promise.all([startApi(env), startApi(env)]);
  });

  afterAll(async () => {
    await Promise.all([one?.kill(), other?.kill()]);
    await redis?.stop();
  });

  test('what one has registered, the other runs; it is gone after an hour', async () => {
    const query = freshQuery();

    await register(one, query);

    await eventually(async () => expect((await byHash(other, query)).data).toEqual({ me: null }));
    const left = await withRedis(redis.url, (client) => client.ttl(`gatehouse:document:${sha256(query)}`));
    expect(left).toBeGreaterThan(3_500);
    expect(left).toBeLessThanOrEqual(3_600);
  });

  test.each([
    ['another document', () => 'mutation Out { logout { sessionsEnded } }'],
    ['a document with one blank more', (query: string) => `${query} `],
    ['nothing', () => ''],
    ['what is no GraphQL', () => '{{{'],
  ])('%s that somebody puts in its place does not run (A8)', async (_, poison) => {
    const query = freshQuery();
    await withRedis(redis.url, (client) => client.set(`gatehouse:document:${sha256(query)}`, poison(query)));

    const answer = await byHash(one, query);

    expect([codes(answer), answer.data]).toEqual([['PERSISTED_QUERY_NOT_FOUND'], undefined]);
    const line = ['a registered document is not the one that was registered', { hash: sha256(query) }] as const;
    await one.logged(...line);
    expect(one.lines(...line)).toHaveLength(1);
  });

  test.each([
    ['frozen', () => redis.freeze(), () => redis.thaw()],
    ['stopped', () => redis.halt(), () => redis.resume()],
  ] as [string, () => unknown, () => unknown][])(
    'while Redis is %s each instance knows its own',
    async (_, goes, comes) => {
      const query = freshQuery();
      await goes();
      const before = await byHash(one, query);
      const registered = await register(one, query);
      const [here, there] = [await byHash(one, query), await byHash(other, query)];
      await comes();

      expect(codes(before)).toEqual(['PERSISTED_QUERY_NOT_FOUND']);
      expect([registered.data, here.data]).toEqual([{ me: null }, { me: null }]);
      expect(codes(there)).toEqual(['PERSISTED_QUERY_NOT_FOUND']);
    },
  );
});

const ME = 'query Me { me { id } }';
const ADDED = 'query Added { me { id name } }';

const manifestOf = (...bodies: string[]) =>
  JSON.stringify({
    format: 'apollo-persisted-query-manifest',
    version: 1,
    operations: bodies.map((body) => ({
      id: sha256(body),
      name: body.split(/\W+/)[1],
      type: body.split(' ')[0],
      body,
    })),
  });

describe('a manifest', () => {
  let folder: string;
  const path = () => join(folder, 'manifest.json');
  const write = (text: string) => writeFileSync(path(), text);
  const trusted = (): Env => ({ PERSISTED_OPERATIONS: 'trusted', OPERATIONS_MANIFEST: path() });

  beforeAll(() => {
    folder = temporaryFolder();
  });

  test('is read again on a signal, under load and without a gap; a spoilt one changes nothing', async () => {
    write(manifestOf(ME));
    await using api = await startApi(trusted());
    const failed: string[][] = [];
    let done = false;
    const load = async () => {
      while (!done) {
        const found = codes(await ask(api, ME));
        if (found.length > 0) failed.push(found);
      }
    };
    const clients = Promise.all(Array.from({ length: 8 }, load));
    const refused = await ask(api, ADDED);

    write(manifestOf(ME, ADDED));
    api.signal('SIGUSR2');
    await eventually(async () => expect(codes(await ask(api, ADDED))).toEqual([]));
    write('{');
    api.signal('SIGUSR2');
    await api.logged('the manifest cannot be used; the one before it still counts');
    const kept = await ask(api, ADDED);
    write(manifestOf(ME));
    api.signal('SIGUSR2');
    await eventually(async () => expect(codes(await ask(api, ADDED))).toEqual(['DOCUMENT_NOT_TRUSTED']));
    done = true;
    await clients;

    expect(codes(refused)).toEqual(['DOCUMENT_NOT_TRUSTED']);
    expect(codes(kept)).toEqual([]);
    expect(failed).toEqual([]);
  });

  test.each([
    ['that is not there', () => rmSync(path(), { force: true }), 'OPERATIONS_MANIFEST names no file that can be read.'],
    ['that is no JSON', () => write('{'), 'OPERATIONS_MANIFEST cannot be used: The manifest must be a JSON object.'],
    [
      'with a field that is gone',
      () => write(manifestOf('query Me { me { gone } }')),
      'OPERATIONS_MANIFEST cannot be used: Me: Cannot query field "gone" on type "User".',
    ],
  ])('%s ends the start in one line', async (_, prepare, line) => {
    prepare();

    const api = startProcess('dist/src/main.js', trusted());
    const { code } = await api.exited;

    expect(code).toBe(1);
    expect(api.output()).toContain(line);
  });

  const check = (...args: string[]) => runCommand('dist/src/commands/operations-check.js', args, {});

  test('has for each operation its rule, cost and codes printed', async () => {
    const login =
      'mutation SignIn($input: LoginInput!) { login(input: $input) { ...Tokens } } fragment Tokens on AuthPayload { accessToken user { email } }';
    const list =
      'query List($first: Int) { users(first: $first) { totalCount nodes { id role { name } } } some: users(first: 5) { nodes { id } } }';
    write(manifestOf(ME, login, list));

    const { code, output } = await check(path());

    expect(code).toBe(0);
    expect(output.trim().split('\n')).toEqual([
      'Me: query, SELF_OR_ADMIN, cost 1 at most, no codes of its own',
      expect.stringMatching(
        /^SignIn: mutation, SELF_OR_ADMIN, cost \d+ at most, ACCOUNT_DISABLED, BAD_USER_INPUT, INVALID_CREDENTIALS, SERVICE_OVERLOADED$/,
      ),
      expect.stringMatching(/^List: query, ADMIN, cost 30[0-9] at most, BAD_USER_INPUT$/),
    ]);
  });

  test.each([
    ['a field that is gone', 'query Me { me { gone } }', 'Me: Cannot query field "gone" on type "User".'],
    [
      'two sign-ins',
      'mutation Me($i: LoginInput!) { a: login(input: $i) { accessToken } b: login(input: $i) { accessToken } }',
      'Me: The operation has more than 1 field with @once.',
    ],
  ])('with %s fails the check', async (_, body, line) => {
    write(manifestOf(body));

    const { code, output } = await check(path());

    expect([code, output]).toEqual([1, expect.stringContaining(line)]);
  });

  test('a field whose type is another than in the schema of before fails the check, where an operation asks for it', async () => {
    const [before, older] = [readFileSync('schema.graphql', 'utf8'), join(folder, 'older.graphql')];
    write(manifestOf(ME, 'query Roles { roles { name } }'));
    const since = async (change: (schema: string) => string) => {
      writeFileSync(older, change(before));
      return check(path(), '--since', older);
    };

    const same = await since((schema) => schema);
    const ofMe = await since((schema) => schema.replace('  me: User ', '  me: User! '));
    const ofOthers = await since((schema) => schema.replace('  totalCount: Int! ', '  totalCount: Int '));
    const ofEnum = await since((schema) => schema.replace(/(enum RoleName \{[^}]+ADMIN)[^}]+/, '$1\n'));
    const none = await since(() => 'no schema');

    expect([same.code, ofOthers.code, ofOthers.output]).toEqual([0, 0, same.output]);
    expect([ofMe.code, ofMe.output]).toEqual([
      1,
      expect.stringContaining('Me: Query.me changed type from User! to User.'),
    ]);
    expect([ofEnum.code, ofEnum.output]).toEqual([
      0,
      expect.stringContaining('Roles: MEMBER was added to enum type RoleName.'),
    ]);
    expect([none.code, none.output]).toEqual([1, expect.stringContaining('older.graphql is no schema')]);
  });

  test.each([[[]], [['--help']], [['a', 'b']], [['a', '--since']]])(
    'the check of %j says how it is called',
    async (args) => {
      const { code, output } = await check(...args);

      expect([code, output]).toEqual([1, expect.stringContaining('Usage: npm run operations:check')]);
    },
  );
});
