import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWithServers } from '../support/describe-with-servers.js';
import { type Answer, codes, LOGIN, PASSWORD, REGISTER } from '../support/people.js';
import { type ApiProcess, type Env, freshEmail, select, startApi } from '../support/processes.js';
import { type PostgresServer, startPostgres } from '../support/servers/postgres.js';
import type { Server } from '../support/servers/private-server.js';
import { startRedis } from '../support/servers/redis.js';

const REFRESH = 'mutation ($token: String!) { refresh(input: { refreshToken: $token }) { accessToken refreshToken } }';
const ME = '{ me { id } roles { id } }';

describeWithServers(['postgres', 'redis'], 'sessions on two instances', () => {
  let postgres: PostgresServer;
  let redis: Server;
  let env: Env;
  let instances: ApiProcess[];

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
    env = { DATABASE_URL: await postgres.createDatabase(), REDIS_URL: redis.url };
    instances = await Promise.all([startApi(env), startApi(env)]);
  }, 120_000);

  afterAll(async () => {
    await Promise.all(instances?.map((api) => api.kill()) ?? []);
    await Promise.all([redis?.stop(), postgres?.stop()]);
  });

  const instance = (turn: number) => instances[turn % instances.length] as ApiProcess;
  const register = async () => {
    const input = { email: freshEmail(), password: PASSWORD, name: 'Ada' };
    return { ...input, ...(await instance(0).ask(REGISTER, { input })).data.register };
  };
  const reason = ({ errors }: Answer) => errors[0]?.extensions.reason;

  test('ten tabs that refresh together, and lose an answer now and then, are never signed out', async () => {
    const { refreshToken, session } = await register();
    let token: string = refreshToken;
    const failures: string[] = [];

    for (let round = 0; round < 40; round += 1) {
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, tab) => instance(tab + round).ask(REFRESH, { token })),
      );
      failures.push(...answers.flatMap(codes));
      const successors = new Set(answers.map(({ data }) => data?.refresh.refreshToken));
      expect(successors.size).toBe(1);
      // Each twentieth round every answer is lost, and the tabs come again with the token that they have.
      if (round % 20 !== 19) [token = ''] = successors;
    }

    expect(failures).toEqual([]);
    const leaves = await select(env.DATABASE_URL as string, 'select rotation from sessions where id = $1', [
      session.id,
    ]);
    expect(leaves).toEqual([{ rotation: 39 }]);
  });

  test('what one ends, the other refuses at its very next request', async () => {
    // Without the database's own word, which comes a moment later and would hide what was not said in Redis.
    await select(env.DATABASE_URL as string, 'alter table sessions disable trigger sessions_changed');
    for (let round = 0; round < 20; round += 1) {
      const { email, accessToken } = await register();
      const second = (await instance(round).ask(LOGIN, { input: { email, password: PASSWORD } })).data.login;
      await Promise.all(instances.map((api) => api.ask(ME, {}, second.accessToken)));

      await instance(round).ask(
        'mutation ($id: ID!) { revokeSession(id: $id) { sessionsEnded } }',
        { id: second.session.id },
        accessToken,
      );

      expect(reason(await instance(round + 1).ask(ME, {}, second.accessToken))).toBe('REVOKED');
      expect(codes(await instance(round + 1).ask(ME, {}, accessToken))).toEqual(['FORBIDDEN']);
    }
    await select(env.DATABASE_URL as string, 'alter table sessions enable trigger sessions_changed');
  });

  test('also with Redis down', async () => {
    const { accessToken } = await register();
    await Promise.all(instances.map((api) => api.ask(ME, {}, accessToken)));
    await redis.halt();

    await instance(0).ask('mutation { logoutEverywhere { sessionsEnded } }', {}, accessToken);
    const down = await instance(1).ask(ME, {}, accessToken);
    await redis.resume();
    const back = await instance(1).ask(ME, {}, accessToken);

    expect([down, back].map(reason)).toEqual(['REVOKED', 'REVOKED']);
  });
});
