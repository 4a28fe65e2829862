// No change is without its record, and audit:verify names what was altered; instances are killed, and rows altered,
// on PostgreSQL.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { heldUp } from '../support/locks.js';
import { temporaryFolder } from '../support/once-per-run.js';
import { ADMIN, LOGIN, member } from '../support/people.js';
import { type ApiProcess, type Env, runCommand, select, startApi } from '../support/processes.js';
import { type SharedPostgres, sharedPostgres } from '../support/servers/postgres.js';
import type { Server } from '../support/servers/private-server.js';
import { startRedis } from '../support/servers/redis.js';

const VERIFY = 'dist/src/commands/audit-verify.js';

describeWithServers(['postgres', 'redis'], 'npm run audit:verify', () => {
  let postgres: SharedPostgres;
  let redis: Server;
  let env: Env;
  let database: string;
  let instances: ApiProcess[];

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([sharedPostgres(), startRedis()]);
    database = await postgres.createDatabase();
    env = { DATABASE_URL: database, REDIS_URL: redis.url };
    instances = await Promise.all([startApi(env), startApi(env)]);
  });

  afterAll(async () => {
    await Promise.all(instances?.map((api) => api.kill()) ?? []);
    await redis?.stop();
  });

  const instance = (turn: number) => instances[turn % instances.length] as ApiProcess;
  const verify = (...args: string[]) => runCommand(VERIFY, args, env);
  const countEvents = async () => (await select(database, 'select count(*)::int as count from audit_events'))[0].count;
  /** As somebody does who owns the tables. */
  const alter = async (sql: string, values: unknown[]) => {
    await select(database, 'alter table audit_events disable trigger append_only');
    await select(database, sql, values);
    await select(database, 'alter table audit_events enable trigger append_only');
  };

  test('an instance that is killed between any two lines leaves no change without its event, and no gap', async () => {
    for (let round = 0; round < 3; round += 1) {
      const [victim, other] = [await startApi(env), instance(round)];
      const before = await countEvents();
      const people = Array.from({ length: 60 }, (_, index) => member(index % 2 ? victim : other).catch(() => null));
      await eventually(async () => expect(await countEvents()).toBeGreaterThan(before + 10));
      await victim.kill();
      await Promise.all(people);
    }

    const unrecorded = await select(
      database,
      `select id from users where not exists (select 1 from audit_events e where e.subject_id = users.id and e.action = 'user.registered')
       union all select id from sessions where not exists (select 1 from audit_events e where e.session_id = sessions.id and e.action = 'session.opened')
       union all select subject_id from audit_events e where e.action = 'user.registered' and not exists (select 1 from users where id = e.subject_id)`,
    );
    const { code, output } = await verify();

    expect(unrecorded).toEqual([]);
    expect([code, output.trim()]).toEqual([0, `Verified: ${await countEvents()} events in 32 chains.`]);
  });

  test('many write at once, and none fails', async () => {
    const logins = Array.from({ length: 200 }, (_, index) => instance(index).ask(LOGIN, { input: ADMIN }));

    const errors = (await Promise.all(logins)).flatMap(({ errors }) => errors);

    // Hashing has a queue of its own, which is no matter of chains.
    expect(errors.filter(({ extensions }) => extensions.code !== 'SERVICE_OVERLOADED')).toEqual([]);
    expect((await verify()).code).toBe(0);
  });

  test('one that finds every chain held waits for one, and goes on', async () => {
    const [login] = await heldUp(
      database,
      ['select id from audit_chains for update'],
      [() => instance(0).ask(LOGIN, { input: ADMIN })],
    );

    expect(login?.errors).toEqual([]);
    expect((await verify()).code).toBe(0);
  });

  test('names the first event that was altered, and the first that is missing, while instances go on', async () => {
    const [altered, missing] = await select(
      database,
      `select id, chain, position, action from (
         select *, row_number() over (partition by chain order by random()) as number from audit_events e
         where position < (select position from audit_chains c where c.id = e.chain)
       ) as picked where number = 1 limit 2`,
    );
    await alter(`update audit_events set actor_id = gen_random_uuid() where id = $1`, [altered.id]);
    await alter('delete from audit_events where id = $1', [missing.id]);

    const [{ code, output }] = await Promise.all([verify(), member(instance(0))]);

    expect(code).toBe(1);
    expect(output.trim().split('\n').sort()).toEqual(
      [
        `Chain ${altered.chain}: event ${altered.position} was altered (${altered.action}, ${altered.id}).`,
        `Chain ${missing.chain}: event ${missing.position} is missing.`,
      ].sort(),
    );
  });
});

describeWithServers(['postgres'], 'the ends of the chains that npm run audit:verify keeps', () => {
  let postgres: SharedPostgres;
  let env: Env;
  let folder: string;

  beforeAll(async () => {
    folder = temporaryFolder();
    postgres = await sharedPostgres();
    env = { DATABASE_URL: await postgres.createDatabase() };
    await using api = await startApi(env);
    await member(api);
  });

  test('show that newest events were cut off and the ends set back', async () => {
    const url = env.DATABASE_URL as string;
    const heads = join(folder, 'heads.json');
    const first = await runCommand(VERIFY, ['--heads', heads], env);
    const kept = readFileSync(heads, 'utf8');
    await select(url, 'alter table audit_events disable trigger append_only');
    await select(url, 'delete from audit_events');
    await select(url, `update audit_chains set position = 0, digest = ''`);

    const [without, against] = [await runCommand(VERIFY, [], env), await runCommand(VERIFY, ['--heads', heads], env)];

    expect([first.code, without.code, against.code]).toEqual([0, 0, 1]);
    expect(first.output).toContain(`${heads} is new`);
    expect(against.output).toMatch(/^Chain \d+: event 1 is missing\.$/m);
    expect(readFileSync(heads, 'utf8')).toBe(kept);
  });

  test('must be what was kept', async () => {
    const path = join(folder, 'broken.json');
    writeFileSync(path, '{"chain": 1}');

    const broken = await runCommand(VERIFY, ['--heads', path], env);
    const unknown = await runCommand(VERIFY, ['--tail'], env);
    const empty = await runCommand(VERIFY, ['--heads', ''], env);

    expect([broken.code, unknown.code, empty.code]).toEqual([1, 1, 1]);
    expect(empty.output).toBe(unknown.output);
    expect(broken.output).toContain('does not hold the ends of the chains');
    expect(unknown.output).toContain('Usage: npm run audit:verify');
  });
});
