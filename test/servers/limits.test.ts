// Limits of attempts on two instances and one Redis, which is frozen and stopped; what the operator sees and resets;
// and a guesser with many networks, against an owner on a known device.

import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { type Answer, ask, codes, freshEmail, PASSWORD, REGISTER, REQUEST_PASSWORD_RESET } from '../support/people.js';
import { type ApiProcess, type Env, runCommand, SECRETS, select, startApi } from '../support/processes.js';
import { sharedPostgres } from '../support/servers/postgres.js';
import type { Server } from '../support/servers/private-server.js';
import { startRedis, withRedis } from '../support/servers/redis.js';

const LOGIN = 'mutation ($input: LoginInput!) { login(input: $input) { deviceToken } }';
/** A request that waits for Redis takes 5 s and more, which its client allows a connection. */
const ANSWERS_WITHIN_MS = 4_500;
const ACCOUNT_MOST = 20;
/** More with GUESSES: 100,000 come from 1,000 networks. */
const GUESSES = Number(process.env.GUESSES ?? 5_000);
const NETWORKS = Math.min(1_000, Math.ceil(GUESSES / 10));
const AT_ONCE = 50;

describeWithServers(['postgres', 'redis'], 'limits of two instances', () => {
  let database: string;
  let redis: Server;
  let env: Env;
  let one: ApiProcess;
  let other: ApiProcess;

  beforeAll(async () => {
    const [postgres, server] = await Promise.all([sharedPostgres(), startRedis()]);
    redis = server;
    database = await postgres.createDatabase();
    env = {
      DATABASE_URL: database,
      REDIS_URL: redis.url,
      TRUST_PROXY: '127.0.0.1',
      LIMITS_FILE: '',
      LIMITS: JSON.stringify({
        login: { account: { most: ACCOUNT_MOST }, network: { most: 1_000_000 }, total: { most: 1_000_000 } },
      }),
    };
    [one, other] = await Promise.all([startApi(env), startApi(env)]);
  });

  afterAll(async () => {
    await Promise.all([one?.kill(), other?.kill()]);
    await redis?.stop();
  });

  afterEach(async () => {
    await withRedis(redis.url, (client) => client.flushDb());
  });

  let networks = 0;
  const freshAddress = () => {
    networks += 1;
    return `10.${(networks >> 16) & 255}.${(networks >> 8) & 255}.${networks & 255}`;
  };
  const from = (api: ApiProcess, address: string, query: string, variables: Record<string, unknown>): Promise<Answer> =>
    ask(api, query, variables, undefined, { 'x-forwarded-for': address });
  const logIn = (api: ApiProcess, address: string, email: string, password: string, deviceToken?: string) =>
    from(api, address, LOGIN, { input: { email, password, deviceToken } });
  const joined = async () => {
    const input = { email: freshEmail(), password: PASSWORD, name: 'Ada' };
    const { data } = await from(one, freshAddress(), REGISTER, { input });
    return { email: input.email, id: data.register.user.id as string };
  };
  const checksOf = async (id: string) => {
    const [row] = await select(
      database,
      "select count(*)::int as count from audit_events where action = 'login.failed' and subject_id = $1",
      [id],
    );
    return row.count as number;
  };
  const times = (message: string) => [one, other].flatMap((api) => api.lines(message)).length;
  const awayTimes = () => times('Redis does not answer; limits are counted in this process');
  const countedInRedis = () =>
    eventually(async () => {
      for (const api of [one, other]) await logIn(api, freshAddress(), freshEmail(), 'wrong');
      expect(awayTimes()).toBe(times('limits are counted in Redis again'));
    });
  const run = (command: string, ...args: string[]) =>
    runCommand(`dist/src/commands/limits-${command}.js`, args, { ...env, ...SECRETS });

  test('count together, and Redis holds no address of an account', async () => {
    const ada = await joined();

    const answers: Answer[] = [];
    for (let attempt = 0; attempt < ACCOUNT_MOST + 10; attempt += 1)
      answers.push(await logIn(attempt % 2 ? one : other, freshAddress(), ada.email, 'wrong'));

    expect(answers.flatMap(codes).filter((code) => code === 'RATE_LIMITED')).toHaveLength(10);
    expect(await checksOf(ada.id)).toBe(ACCOUNT_MOST);
    const keys = await withRedis(redis.url, (client) => client.keys('*'));
    expect(keys.filter((key) => key.startsWith('gatehouse:limit:login.account:'))).toHaveLength(1);
    expect(keys.join()).not.toContain(ada.email);
    const ages = await withRedis(redis.url, (client) => Promise.all(keys.map((key) => client.ttl(key))));
    expect(Math.min(...ages)).toBeGreaterThan(0);
  });

  test.each([
    ['frozen', () => redis.freeze(), () => redis.thaw()],
    ['stopped', () => redis.halt(), () => redis.resume()],
  ] as [string, () => unknown, () => unknown][])(
    'while Redis is %s each instance allows a fifth, and all of it again after that (A2)',
    async (_, goes, comes) => {
      const ada = await joined();
      await goes();
      const slowest: number[] = [];
      const answers: Answer[] = [];
      for (let attempt = 0; attempt < ACCOUNT_MOST; attempt += 1) {
        const sent = Date.now();
        answers.push(await logIn(one, freshAddress(), ada.email, 'wrong'));
        slowest.push(Date.now() - sent);
      }
      const checked = await checksOf(ada.id);
      await comes();

      expect(checked).toBe(ACCOUNT_MOST / 5);
      expect(answers.flatMap(codes).filter((code) => code === 'RATE_LIMITED')).toHaveLength((ACCOUNT_MOST * 4) / 5);
      expect(Math.max(...slowest)).toBeLessThan(ANSWERS_WITHIN_MS);
      const bob = await joined();
      await eventually(async () => {
        await logIn(one, freshAddress(), bob.email, 'wrong');
        const keys = await withRedis(redis.url, (client) => client.keys('gatehouse:limit:login.account:*'));
        expect(keys).not.toEqual([]);
      });
    },
  );

  test('an operator sees a limit that is reached, and resets it', async () => {
    const ada = await joined();
    const address = freshAddress();
    for (let attempt = 0; attempt < 6; attempt += 1) await logIn(one, address, ada.email, 'wrong');
    for (let attempt = 0; attempt < ACCOUNT_MOST; attempt += 1) await logIn(one, freshAddress(), ada.email, 'wrong');

    const [shown, ofAccount, ofNetwork, ofNobody] = [
      await run('show'),
      await run('show', '--account', ada.email.toUpperCase()),
      await run('show', '--network', address),
      await run('show', '--account', freshEmail()),
    ];
    expect(codes(await logIn(one, freshAddress(), ada.email, PASSWORD))).toEqual(['RATE_LIMITED']);
    const reset = await run('reset', '--account', ada.email);

    expect(shown.output).toMatch(/^login\.account [\w-]{24}: \d+ of 20, \d+ s left$/m);
    expect(ofAccount.output).toMatch(/^login\.account /m);
    expect(ofAccount.output).toMatch(/^login\.failures /m);
    expect(ofNetwork.output).toContain(`login.network ${address}: 6 of 1000000`);
    expect(ofNobody.output.trim()).toBe('Nothing is counted.');
    expect([shown, ofAccount, ofNetwork, ofNobody, reset].map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    expect(reset.output).toMatch(/^Removed: \d+ counts$/m);
    expect([shown, ofAccount, ofNetwork, reset].map(({ output }) => output).join()).not.toContain(ada.email);
    expect(codes(await logIn(one, freshAddress(), ada.email, PASSWORD))).toEqual([]);
    expect(codes(await logIn(one, address, ada.email, PASSWORD))).toEqual([]);
  });

  test.each([
    [['show', '--account', 'nobody'], '--account must be an e-mail address, or the id of a user or session.'],
    [['show', '--network', 'here'], '--network must be an address, such as 192.0.2.1 or 2001:db8::1.'],
    [['show', '--all', '--network', '192.0.2.1'], 'Give one of --account, --network and --all.'],
    [['show', '--everything'], 'Usage: npm run limits:show'],
    [['reset'], 'Say whose: --account, --network or --all.'],
    [['reset', '--account'], 'Usage: npm run limits:reset'],
  ] as [string[], string][])('npm run limits:%s is refused', async ([command = '', ...args], message) => {
    const { code, output } = await run(command, ...args);

    expect(code).toBe(1);
    expect(output).toContain(message);
  });

  test('without Redis an operator is told so', async () => {
    const { code, output } = await runCommand('dist/src/commands/limits-show.js', [], {});

    expect([code, output.trim()]).toEqual([
      1,
      'Without REDIS_URL the API counts in its memory: restart it, and all limits are as new.',
    ]);
  });

  test(`of ${GUESSES} guesses from ${NETWORKS} networks no more are checked than the limit, and the owner gets in`, async () => {
    await countedInRedis();
    const before = awayTimes();
    const ada = await joined();
    const home = freshAddress();
    let { deviceToken } = (await logIn(one, home, ada.email, PASSWORD)).data.login;
    const addresses = Array.from({ length: NETWORKS }, freshAddress);
    const outcomes = new Map<string, number>();
    const owners: Answer[] = [];
    let guess = 0;
    const guesser = async (api: ApiProcess) => {
      while (guess < GUESSES) {
        guess += 1;
        const [code = 'in'] = codes(
          await logIn(api, addresses[guess % NETWORKS] as string, ada.email, `guess ${guess}`),
        );
        outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
      }
    };
    const owner = async () => {
      for (let logins = 1; logins <= 20; logins += 1) {
        while (guess < (GUESSES * logins) / 21) await new Promise((resolve) => setImmediate(resolve));
        const answer = await logIn(logins % 2 ? one : other, home, ada.email, PASSWORD, deviceToken);
        owners.push(answer);
        deviceToken = answer.data?.login.deviceToken ?? deviceToken;
      }
    };

    await Promise.all([owner(), ...Array.from({ length: AT_ONCE }, (_, at) => guesser(at % 2 ? one : other))]);

    const checked = await checksOf(ada.id);
    console.info(`${guess} guesses, ${checked} checked, owner in ${owners.length} times`, Object.fromEntries(outcomes));
    expect(owners.flatMap(codes)).toEqual([]);
    expect(owners).toHaveLength(20);
    // On a busy machine Redis may not answer in time, and then each instance allows a fifth for itself.
    expect(checked).toBeLessThanOrEqual(awayTimes() > before ? ACCOUNT_MOST + (2 * ACCOUNT_MOST) / 5 : ACCOUNT_MOST);
    expect(outcomes.get('in')).toBeUndefined();
  });

  test('of 300 orders of mails to one address from as many networks no more are made than the limit', async () => {
    await countedInRedis();
    const before = awayTimes();
    const ada = await joined();

    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, at) =>
        from(at % 2 ? one : other, freshAddress(), REQUEST_PASSWORD_RESET, { email: ada.email }),
      ),
    );

    const [row] = await select(
      database,
      "select count(*)::int as count from mails where recipient = $1 and kind = 'reset_password'",
      [ada.email],
    );
    expect(row.count).toBeGreaterThan(0);
    expect(row.count).toBeLessThanOrEqual(awayTimes() > before ? 5 + 2 : 5);
    expect(answers.flatMap(codes)).toEqual(Array(300 - row.count).fill('RATE_LIMITED'));
  });
});
