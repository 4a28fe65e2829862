// Two instances never serve an old value, whatever happens to Redis; a real Redis is frozen, stopped and restarted
// under load.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ROLE_IDS, RoleName } from '../../src/user/role.entity.js';
import { cacheIsUp } from '../support/cache-is-up.js';
import { inCacheRounds } from '../support/cache-rounds.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { type Answer, codes, DELETE_USER, member, type Person, signIn } from '../support/people.js';
import { type ApiProcess, type Env, select, startApi } from '../support/processes.js';
import { type SharedPostgres, sharedPostgres } from '../support/servers/postgres.js';
import type { Server } from '../support/servers/private-server.js';
import { startRedis, withRedis } from '../support/servers/redis.js';

const USER = 'query ($id: ID!) { user(id: $id) { id isActive deletedAt role { name } } }';
const USERS =
  'query { users(first: 100, filter: { states: [ACTIVE, DEACTIVATED, CLOSED] }) { totalCount nodes { id isActive } } }';
const ME = 'query { me { id } }';
/** What no request takes that does not wait for Redis, on a busy machine either: one that waits takes 5 s and more. */
const NOT_WAITED_MS = 4_500;

describeWithServers(['postgres', 'redis'], 'two instances on one Redis and one database', () => {
  let postgres: SharedPostgres;
  let redis: Server;
  let env: Env;
  let one: ApiProcess;
  let other: ApiProcess;
  let admin: Person;

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([sharedPostgres(), startRedis()]);
    env = { DATABASE_URL: await postgres.createDatabase(), REDIS_URL: redis.url };
    [one, other] = await Promise.all([startApi(env), startApi(env)]);
    admin = await signIn(one);
  });

  afterAll(async () => {
    await Promise.all([one?.kill(), other?.kill()]);
    await redis?.stop();
  });

  const readUser = async (api: ApiProcess, id: string) => (await api.ask(USER, { id }, admin.token)).data.user;
  const readUsers = async (api: ApiProcess) => (await api.ask(USERS, {}, admin.token)).data.users;
  const remove = (api: ApiProcess, id: string) => api.ask(DELETE_USER, { id }, admin.token);
  /**
   * Without the database's own word to all instances, which comes a moment later and would hide what was not said in
   * Redis.
   */
  const withoutNotifications = async (work: () => Promise<void>) => {
    const database = env.DATABASE_URL as string;
    await select(database, 'alter table users disable trigger users_changed');
    try {
      await work();
    } finally {
      await select(database, 'alter table users enable trigger users_changed');
    }
  };

  test(
    'what one deletes, the other knows at its very next request (A24)',
    () =>
      withoutNotifications(async () => {
        await inCacheRounds([one, other], 36, async (here, there) => {
          const user = await member(here);
          const [before, , me] = await Promise.all([
            readUsers(there),
            readUser(there, user.id),
            there.ask(ME, {}, user.token),
          ]);
          expect(me.data.me).toEqual({ id: user.id });

          const deleted = await remove(here, user.id);
          const [list, one_, own] = await Promise.all([
            readUsers(there),
            readUser(there, user.id),
            there.ask(USER, { id: user.id }, user.token),
          ]);

          expect(deleted.errors).toEqual([]);
          expect(one_).toMatchObject({ isActive: false, deletedAt: deleted.data.deleteUser.deletedAt });
          expect(list.totalCount).toBe(before.totalCount);
          expect(list.nodes[0]).toEqual({ id: user.id, isActive: false });
          expect(own.errors[0]?.extensions).toEqual({ code: 'UNAUTHENTICATED', reason: 'REVOKED' });
        });
      }),
    60_000,
  );

  test(
    'whom one registers, the other lists and counts at its very next request',
    () =>
      withoutNotifications(async () => {
        await inCacheRounds([one, other], 36, async (here, there) => {
          const before = await readUsers(there);

          const user = await member(here);
          const after = await readUsers(there);

          expect(after.totalCount).toBe(before.totalCount + 1);
          expect(after.nodes[0]).toEqual({ id: user.id, isActive: true });
        });
      }),
    60_000,
  );

  test('an admin whom an operator demotes in the database is no admin on any instance', async () => {
    const former = await makeAdmin();
    for (const api of [one, other]) expect(codes(await api.ask(USERS, {}, former.token))).toEqual([]);

    await select(env.DATABASE_URL as string, 'update users set role_id = $1 where id = $2', [
      ROLE_IDS[RoleName.MEMBER],
      former.id,
    ]);

    for (const api of [one, other]) {
      await eventually(async () => expect(codes(await api.ask(USERS, {}, former.token))).toEqual(['FORBIDDEN']));
    }
  });

  test('everything in Redis lies under our namespace, and nothing of it is a hash of a password', async () => {
    await Promise.all([readUsers(one), readUser(one, admin.id)]);

    const entries = await withRedis(redis.url, async (client) => {
      const keys = await client.keys('*');
      return Promise.all(keys.map(async (key) => [String(key), String(await client.get(String(key)))] as const));
    });

    const [{ password_hash: hash }] = await select(
      env.DATABASE_URL as string,
      'select password_hash from users limit 1',
    );
    expect(entries.map(([key]) => key)).toContainEqual(expect.stringContaining(`user:${admin.id}`));
    for (const [key, value] of entries) {
      expect(key).toMatch(/^gatehouse:(:|limit:)/);
      expect(value).not.toMatch(/password|hash|\$2[aby]\$/i);
      expect(value).not.toContain(hash.slice(-20));
    }
  });

  test.each([
    // Longer than the client's own time limit for its connection, so that also the reconnecting is met.
    { trouble: 'frozen', begin: () => redis.freeze(), end: () => redis.thaw(), ms: 7_000 },
    { trouble: 'down', begin: () => redis.halt(), end: () => redis.resume(), ms: 3_000 },
  ])(
    'with Redis $trouble requests are right and do not wait for it, and it recovers by itself',
    async ({ begin, end, ms }) => {
      await series(500);

      await begin();
      const inTrouble = await series(ms);
      await end();
      await cacheIsUp(one);
      await cacheIsUp(other);
      const after = await series(500);

      expect(Math.max(...inTrouble, ...after)).toBeLessThan(NOT_WAITED_MS);
    },
  );

  test('with Redis restarted under load no request waits for it', async () => {
    await series(500);

    const load = series(2_500);
    await redis.restart();
    await redis.restart();
    const inTrouble = await load;

    expect(Math.max(...inTrouble)).toBeLessThan(NOT_WAITED_MS);
    await cacheIsUp(one);
    await cacheIsUp(other);
  });

  test('a write made while Redis is frozen is known to an instance that has noticed nothing', async () => {
    for (let round = 0; round < 6; round++) {
      const [here, there] = round % 2 ? [one, other] : [other, one];
      const user = await member(here);
      const [before] = [await readUsers(there), await readUser(there, user.id)];

      redis.freeze();
      // Its read already finds Redis silent, so what its writes have to say to Redis is not even sent.
      await readUser(here, user.id);
      if (round % 3) await remove(here, user.id);
      else await member(here);
      redis.thaw();
      // Only the database's notification can say it, and a busy machine may bring the request first.
      await eventually(async () => {
        const [list, read] = await Promise.all([readUsers(there), readUser(there, user.id)]);
        expect(read.isActive).toBe(round % 3 === 0);
        expect(list.totalCount).toBe(before.totalCount + (round % 3 ? 0 : 1));
      });
      await cacheIsUp(one);
      await cacheIsUp(other);
    }
  });

  test('a write made while Redis is down is known to both, also when Redis comes back with an older snapshot', async () => {
    const user = await member(one);
    const before = await readUsers(other);
    await Promise.all([readUsers(one), readUser(one, user.id), readUser(other, user.id)]);
    await withRedis(redis.url, (client) => client.sendCommand(['SAVE']));

    await redis.halt();
    const registered = await member(one);
    await remove(one, user.id);
    await redis.resume();
    const [keys] = [await withRedis(redis.url, (client) => client.dbSize())];
    const answers = await Promise.all([one, other, one, other].map((api) => both(api, user.id)));

    expect(keys).toBeGreaterThan(0);
    for (const { list, read } of answers) {
      expect(read.isActive).toBe(false);
      expect(list.totalCount).toBe(before.totalCount + 1);
      expect(list.nodes[0]).toEqual({ id: registered.id, isActive: true });
    }
    await cacheIsUp(one);
    await cacheIsUp(other);
    for (const { list, read } of await Promise.all([one, other].map((api) => both(api, user.id)))) {
      expect(read.isActive).toBe(false);
      expect(list.totalCount).toBe(before.totalCount + 1);
    }
  });

  test('an instance that starts while Redis is down serves, and uses Redis when it is there', async () => {
    await redis.halt();
    await using late = await startApi(env);
    const health = (await (await fetch(`${late.url}/health/ready`)).json()) as Record<string, string>;
    const before = await readUsers(late);
    await redis.resume();
    await cacheIsUp(late);
    await cacheIsUp(one);
    await readUsers(late);

    await member(one);
    const after = await readUsers(late);

    expect(health).toMatchObject({ status: 'ready', cache: 'degraded' });
    expect(after.totalCount).toBe(before.totalCount + 1);
    expect(await withRedis(redis.url, (client) => client.dbSize())).toBeGreaterThan(0);
  });

  async function both(api: ApiProcess, id: string) {
    const [list, read] = await Promise.all([readUsers(api), readUser(api, id)]);
    return { list, read };
  }

  /** Somebody registered whom an operator makes an admin in the database. */
  async function makeAdmin(): Promise<Person> {
    const user = await member(one);
    await select(env.DATABASE_URL as string, 'update users set role_id = $1 where id = $2', [
      ROLE_IDS[RoleName.ADMIN],
      user.id,
    ]);
    for (const api of [one, other]) {
      await eventually(async () => expect(codes(await api.ask(USERS, {}, user.token))).toEqual([]));
    }
    return user;
  }

  /**
   * Reads and writes on both instances for so long; every answer must be right. Answers what each request took in ms,
   * without the longest pause that a request for nothing met on the same instance meanwhile: on a busy machine that is
   * not Redis's doing.
   */
  async function series(ms: number): Promise<number[]> {
    const took: number[] = [];
    const timed = async (api: ApiProcess, work: () => Promise<Answer>): Promise<Answer> => {
      const begin = performance.now();
      const asking = work().finally(() => {
        done = true;
      });
      let done = false;
      let pause = 0;
      while (!done) {
        const ping = performance.now();
        await fetch(`${api.url}/health/live`).then((response) => response.text());
        pause = Math.max(pause, performance.now() - ping);
      }
      const answer = await asking;
      took.push(performance.now() - begin - pause);
      expect(answer.errors).toEqual([]);
      return answer;
    };
    const until = performance.now() + ms;
    for (let turn = 0; performance.now() < until; turn++) {
      const [here, there] = turn % 2 ? [one, other] : [other, one];
      const user = await member(here);
      const known = await timed(there, () => there.ask(USERS, {}, admin.token));
      expect(known.data.users.nodes[0]).toEqual({ id: user.id, isActive: true });
      await timed(here, () => here.ask(DELETE_USER, { id: user.id }, admin.token));
      const gone = await timed(there, () => there.ask(USER, { id: user.id }, admin.token));
      expect(gone.data.user.isActive).toBe(false);
      const refused = await there.ask(USER, { id: user.id }, user.token);
      expect(refused.errors[0]?.extensions.reason).toBe('REVOKED');
    }
    return took;
  }
});
