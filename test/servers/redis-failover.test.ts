// Redis with replicas, as a Redis Cluster and behind sentinels: an instance never serves an old value, and limits stay
// shared, while a primary is killed and a replica that misses its last writes replaces it.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cacheIsUp } from '../support/cache-is-up.js';
import { inCacheRounds } from '../support/cache-rounds.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { ask, codes, DELETE_USER, freshEmail, member, type Person, signIn } from '../support/people.js';
import { type ApiProcess, type Env, runCommand, SECRETS, select, startApi } from '../support/processes.js';
import { sharedPostgres } from '../support/servers/postgres.js';
import type { Server } from '../support/servers/private-server.js';
import {
  REDIS_PASSWORD,
  type RedisSystem,
  replicationOf,
  startRedisCluster,
  startRedisSentinels,
  withRedis,
} from '../support/servers/redis.js';

const USER = 'query ($id: ID!) { user(id: $id) { isActive } }';
const DEACTIVATE = 'mutation ($id: ID!) { deactivateUser(id: $id) { id } }';
const LOGIN = 'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }';
const LOGINS = 5;

describeWithServers(['postgres', 'redis'], 'two instances', () => {
  describe.each([
    ['a Redis Cluster', startRedisCluster],
    ['sentinels and the Redis that they watch', startRedisSentinels],
  ])('on %s', (_, start) => {
    let redis: RedisSystem;
    let env: Env;
    let one: ApiProcess;
    let other: ApiProcess;
    let admin: Person;

    beforeAll(async () => {
      const [postgres, system] = await Promise.all([sharedPostgres(), start()]);
      redis = system;
      env = {
        DATABASE_URL: await postgres.createDatabase(),
        ...redis.env,
        LIMITS_FILE: '',
        LIMITS: JSON.stringify({
          login: { account: { most: LOGINS } },
          register: { network: { most: 100_000 }, total: { most: 100_000 } },
        }),
      };
      [one, other] = await Promise.all([startApi(env), startApi(env)]);
      admin = await signIn(one);
      await Promise.all([cacheIsUp(one), cacheIsUp(other)]);
      // The database tells all instances of a write, too, and would hide what was not said in Redis.
      await select(env.DATABASE_URL as string, 'alter table users disable trigger users_changed');
    });

    afterAll(async () => {
      await Promise.all([one?.kill(), other?.kill()]);
      await redis?.stop();
    });

    const isActive = async (api: ApiProcess, id: string) =>
      (await api.ask(USER, { id }, admin.token)).data.user.isActive;
    const bothKnowOfDeletions = (rounds: number) =>
      inCacheRounds([one, other], rounds, async (here, there) => {
        const { id } = await member(here);
        expect(await isActive(there, id)).toBe(true);
        expect(codes(await here.ask(DELETE_USER, { id }, admin.token))).toEqual([]);
        expect(await isActive(there, id)).toBe(false);
      });
    const keysIn = async ({ url }: Server) => withRedis(url, (client) => client.dbSize());
    const generationOf = (id: string) => `gatehouse::generation:user:${id}`;
    /** Waits for a replica that was replaced, and is back. */
    const holdersOf = async (id: string): Promise<[Server, Server]> => {
      let holders: Server[] = [];
      await eventually(async () => {
        holders = [await redis.primaryOf(generationOf(id)), await redis.replicaOf(generationOf(id))];
      });
      return holders as [Server, Server];
    };
    const connectionsOfInstances = ({ url }: Server) =>
      withRedis(url, async (client) => {
        const clients = await client.clientList();
        return clients.filter(({ flags, name }) => flags === 'N' && !name.startsWith('sentinel')).length - 1;
      });
    /** A replica that is signed out gets no more writes. */
    const setPrimaryPassword = ({ url }: Server, password: string) =>
      withRedis(url, async (client) => {
        await client.configSet('masterauth', password);
        await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'master']);
      });
    const limits = async (command: string, ...args: string[]) =>
      (await runCommand(`dist/src/commands/limits-${command}.js`, args, { ...env, ...SECRETS })).output;

    test('what one deletes, the other knows at its next request', async () => {
      await bothKnowOfDeletions(20);

      const [primary, replica] = await holdersOf(admin.id);
      expect(await keysIn(primary)).toBeGreaterThan(0);
      expect(await keysIn(replica)).toBeGreaterThan(0);
    });

    const limitsAreShared = async () => {
      const email = freshEmail();
      const answers: (string | undefined)[] = [];
      for (let attempt = 0; attempt < LOGINS + 2; attempt++)
        answers.push(...codes(await logIn(attempt % 2 ? one : other, email)));
      expect(answers.slice(-3)).toEqual(['INVALID_CREDENTIALS', 'RATE_LIMITED', 'RATE_LIMITED']);
      return email;
    };
    const logIn = (api: ApiProcess, email: string) =>
      ask(api, LOGIN, { input: { email, password: 'a wrong password' } });

    test('limits are counted together; an operator sees and resets them', async () => {
      const email = await limitsAreShared();
      const shown = await limits('show', '--account', email);
      const reset = await limits('reset', '--account', email);

      expect(shown).toContain('login.account');
      expect(reset).toMatch(/[1-9]/);
      expect(codes(await logIn(one, email))).toEqual(['INVALID_CREDENTIALS']);
    });

    /** Ends with a replica that serves, and never received the word of a write. */
    const loseWrite = async (replace: (primary: Server, replica: Server) => Promise<unknown>) => {
      const { id } = await member(one);
      const [primary, replica] = await holdersOf(id);
      expect([await isActive(one, id), await isActive(other, id)]).toEqual([true, true]);
      await eventually(async () => {
        const [given, received] = [await replicationOf(primary), await replicationOf(replica)];
        expect(Number(received.slave_repl_offset)).toBeGreaterThanOrEqual(Number(given.master_repl_offset));
      });
      await setPrimaryPassword(replica, 'no longer known');
      // Nothing follows this write that would invalidate once more, and nothing reads what it changed.
      expect(codes(await one.ask(DEACTIVATE, { id }, admin.token))).toEqual([]);

      await replace(primary, replica);
      let isReplaced = false;
      const replaced = eventually(async () => expect(await redis.primaryOf(generationOf(id))).toBe(replica)).then(
        () => {
          isReplaced = true;
        },
      );
      return { id, primary, replica, replaced, isReplaced: () => isReplaced };
    };
    const expectRecovered = async (id: string, replica: Server) => {
      await Promise.all([cacheIsUp(one), cacheIsUp(other)]);
      for (const api of [one, other]) expect(await isActive(api, id)).toBe(false);
      await bothKnowOfDeletions(2);
      await eventually(async () => void (await limitsAreShared()));
      await setPrimaryPassword(replica, REDIS_PASSWORD);
    };

    test('a write that a killed primary had not passed on is known to both', async () => {
      const { id, primary, replica, replaced, isReplaced } = await loseWrite((primary) => primary.crash());

      while (!isReplaced()) for (const api of [one, other]) expect(await isActive(api, id)).toBe(false);
      await replaced;

      await expectRecovered(id, replica);
      await primary.resume();
    });

    test('a write is known to both when an operator promotes a replica that misses it, and no connection breaks', async () => {
      const { id, replica, replaced } = await loseWrite((_, replica) => redis.promote(replica));

      await replaced;
      if (redis.tellsOfPromotions)
        await eventually(async () => expect(await connectionsOfInstances(replica)).toBeGreaterThanOrEqual(2));

      for (const api of [one, other]) expect(await isActive(api, id)).toBe(false);
      await expectRecovered(id, replica);
    });

    test('an instance that starts while all of it is down serves, and uses it when it is there', async () => {
      await Promise.all(redis.servers.map((server) => server.crash()));
      const shown = await limits('show', '--all');
      await using brief = await startApi(env);
      expect(await brief.stop()).toBe(0);
      await using late = await startApi(env);
      const health = (await (await fetch(`${late.url}/health/ready`)).json()) as Record<string, string>;
      expect(await isActive(late, admin.id)).toBe(true);
      await Promise.all(redis.servers.map((server) => server.resume()));

      for (const api of [late, one, other]) await cacheIsUp(api);
      await bothKnowOfDeletions(2);
      expect(shown).toContain('Redis does not answer');
      expect(health).toMatchObject({ status: 'ready', cache: 'degraded' });
      expect(await late.stop()).toBe(0);
    });
  });
});
