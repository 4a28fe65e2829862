// One active admin is always left; admins take each other away at the same instant, over two instances.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ROLE_IDS } from '../../src/user/role.entity.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { codes, DELETE_USER, member, type Person, signIn } from '../support/people.js';
import { type ApiProcess, select, startApi } from '../support/processes.js';
import { type SharedPostgres, sharedPostgres } from '../support/servers/postgres.js';
import type { Server } from '../support/servers/private-server.js';
import { startRedis } from '../support/servers/redis.js';

/** ROUNDS=1000 for the full race. */
const ROUNDS = Number(process.env.ROUNDS ?? 20);
const AT_ONCE = 50;

/** All that takes an active admin away. */
const OPERATIONS = {
  delete: DELETE_USER,
  deactivate: 'mutation ($id: ID!) { deactivateUser(id: $id) { id } }',
  demote: 'mutation ($id: ID!) { setUserRole(id: $id, role: MEMBER) { id } }',
};

type Operation = keyof typeof OPERATIONS;
const names = Object.keys(OPERATIONS) as Operation[];
const combinations = names.flatMap((one) => names.map((other): [Operation, Operation] => [one, other]));

/** Why a request may fail that came after another's commit. */
const LATE = ['LAST_ADMIN', 'FORBIDDEN', 'UNAUTHENTICATED', 'NOT_FOUND'];

describeWithServers(['postgres', 'redis'], 'the last two admins, who take each other away (A20)', () => {
  let postgres: SharedPostgres;
  let redis: Server;
  let database: string;
  let instances: ApiProcess[];
  let survivor: Person;
  const refusals: string[] = [];

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([sharedPostgres(), startRedis()]);
    database = await postgres.createDatabase();
    const env = { DATABASE_URL: database, REDIS_URL: redis.url };
    instances = await Promise.all([startApi(env), startApi(env)]);
    survivor = await signIn(instance(0));
  });

  afterAll(async () => {
    await Promise.all(instances?.map((api) => api.kill()) ?? []);
    await redis?.stop();
  });

  const instance = (turn: number) => instances[turn % instances.length] as ApiProcess;

  const activeAdmins = () =>
    select(database, 'select id from users where role_id = $1 and is_active and deleted_at is null', [ROLE_IDS.ADMIN]);

  /** Somebody new, whom an operator makes an admin in the database. */
  async function admin(): Promise<Person> {
    const user = await member(instance(0));
    await select(database, 'update users set role_id = $1 where id = $2', [ROLE_IDS.ADMIN, user.id]);
    return user;
  }

  /** Half of the requests by each of the two on the other, over both instances. */
  async function race([one, other]: [Person, Person], operations: [Operation, Operation]) {
    const requests = Array.from({ length: AT_ONCE }, (_, index) => {
      const [by, target, name] = index % 2 ? [one, other, operations[0]] : [other, one, operations[1]];
      return instance(index >> 1).ask(OPERATIONS[name], { id: target.id }, by.token);
    });
    return (await Promise.all(requests)).flatMap(codes);
  }

  test.each(combinations)(
    `%s against %s, ${AT_ONCE} at once: one is left`,
    async (...operations) => {
      for (let round = 0; round < Math.ceil(ROUNDS / combinations.length); round += 1) {
        const rival = await admin();
        expect(await activeAdmins()).toHaveLength(2);

        const failures = await race([survivor, rival], operations);

        const left = await activeAdmins();
        expect(left).toHaveLength(1);
        expect(failures.filter((code) => !LATE.includes(code))).toEqual([]);
        refusals.push(...failures);
        survivor = left[0].id === survivor.id ? survivor : rival;
      }
    },
    60_000 + ROUNDS * 3_000,
  );

  test('and it was the database that held the last one', () => {
    expect(refusals).toContain('LAST_ADMIN');
  });
});
