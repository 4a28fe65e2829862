// What two instances do at the same instant is decided by the database, once; requests race over both.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ROLE_IDS } from '../../src/user/role.entity.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { heldUp } from '../support/locks.js';
import { codes, DELETE_USER, member, PASSWORD, type Person, REGISTER, signIn } from '../support/people.js';
import { type ApiProcess, select, startApi } from '../support/processes.js';
import { type SharedPostgres, sharedPostgres } from '../support/servers/postgres.js';
import type { Server } from '../support/servers/private-server.js';
import { startRedis } from '../support/servers/redis.js';

describeWithServers(['postgres', 'redis'], 'what the database decides between two instances', () => {
  let postgres: SharedPostgres;
  let redis: Server;
  let database: string;
  let one: ApiProcess;
  let other: ApiProcess;

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([sharedPostgres(), startRedis()]);
    database = await postgres.createDatabase();
    const env = { DATABASE_URL: database, REDIS_URL: redis.url };
    [one, other] = await Promise.all([startApi(env), startApi(env)]);
  });

  afterAll(async () => {
    await Promise.all([one?.kill(), other?.kill()]);
    await redis?.stop();
  });

  const remove = (api: ApiProcess, { id }: Person, by: Person) => api.ask(DELETE_USER, { id }, by.token);

  const openAdmins = () =>
    select(database, 'select id from users where role_id = $1 and is_active and deleted_at is null', [ROLE_IDS.ADMIN]);

  const events = (type: string, userId: string) =>
    select(database, 'select id from outbox where type = $1 and subject = $2', [type, userId]);

  /** Somebody registered whom an operator makes an admin in the database. */
  async function admin(): Promise<Person> {
    const user = await member(one);
    await select(database, 'update users set role_id = $1 where id = $2', [ROLE_IDS.ADMIN, user.id]);
    return user;
  }

  /** Both requests are let in and wait for the same rows, and go on at the same instant. */
  function atTheSameInstant<T>(users: Person[], requests: (() => Promise<T>)[]): Promise<T[]> {
    const held = users.map(({ id }) => id);
    return heldUp(database, ['select 1 from users where id = any($1) for update', [held]], requests);
  }

  test('of 50 registrations of one address at once, however it is written, one makes a user and 49 hear EMAIL_TAKEN (A15)', async () => {
    const spellings = [
      'ada@example.com',
      'ADA@EXAMPLE.COM',
      ' Ada@Example.com ',
      'aDa@example.COM',
      'ａｄａ@example.com',
    ];

    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        (index % 2 ? one : other).ask(REGISTER, {
          input: { email: spellings[index % spellings.length], password: PASSWORD, name: `Ada ${index}` },
        }),
      ),
    );

    const users = await select(database, "select id, email from users where email ilike '%ada%@%'");
    const winners = answers.flatMap(({ data }) => data?.register ?? []);
    expect(winners.map(({ user }) => user)).toEqual([{ id: users[0].id, email: 'ada@example.com' }]);
    expect(users).toHaveLength(1);
    expect(answers.flatMap(codes)).toEqual(Array(49).fill('EMAIL_TAKEN'));
    expect(await events('user.registered', users[0].id)).toHaveLength(1);
  });

  test('of two admins who delete each other at the same instant one stays, in each of 50 rounds', async () => {
    let survivor = await admin();
    await remove(one, await signIn(one), survivor);
    expect(await openAdmins()).toEqual([{ id: survivor.id }]);

    for (let round = 0; round < 50; round++) {
      const rival = await admin();
      const [first, second] = await atTheSameInstant(
        [survivor, rival],
        [() => remove(one, rival, survivor), () => remove(other, survivor, rival)],
      );

      const left = await openAdmins();
      expect(left).toHaveLength(1);
      const [winner, answers] = left[0].id === survivor.id ? [survivor, [first, second]] : [rival, [second, first]];
      expect(answers.map((answer) => answer && codes(answer))).toEqual([[], ['LAST_ADMIN']]);
      expect(await events('user.deleted', winner.id)).toEqual([]);
      expect(await events('user.deleted', winner === rival ? survivor.id : rival.id)).toHaveLength(1);
      survivor = winner;
    }
  });

  test('a user whom two admins delete at the same instant is deleted and announced once', async () => {
    const [survivor] = await openAdmins();
    const [here, there] = [await admin(), await admin()];
    expect(survivor).toBeDefined();

    for (let round = 0; round < 20; round++) {
      const user = await member(one);
      const answers = await atTheSameInstant([user], [() => remove(one, user, here), () => remove(other, user, there)]);

      expect(answers.flatMap(codes)).toEqual([]);
      expect(answers[0]?.data).toEqual(answers[1]?.data);
      expect(await events('user.deleted', user.id)).toHaveLength(1);
    }
  });
});
