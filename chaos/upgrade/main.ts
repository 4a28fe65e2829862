import { DEAD_LETTERS } from '../../src/events/topology.js';
import { eventually } from '../../test/support/eventually.js';
import { select } from '../../test/support/processes.js';
import { seeded } from '../../test/support/random.js';
import { startPostgres } from '../../test/support/servers/postgres.js';
import { type RabbitServer, startRabbit } from '../../test/support/servers/rabbit.js';
import { startRedis } from '../../test/support/servers/redis.js';
import { TestSmtpServer } from '../../test/support/smtp.js';
import { optionsOrExit } from '../options.js';
import { OPEN_WORK } from '../settle.js';
import { makeUsersIn } from '../users.js';
import { Fleet, type Release } from './fleet.js';
import { buildLastRelease, LAST_RELEASE } from './last-release.js';
import { Load } from './load.js';
import { lockWaits, logLockWaits } from './lock-waits.js';

/**
 * Upgrades an installation of the last release to this version, downgrades it, and upgrades it again, while requests go
 * on. Ends with 1 where one failed, a session was lost, a lock was waited for too long, or something was left undone.
 * All servers are private ones.
 */
const USAGE = `Usage: npm run upgrade -- [--people N] [--rate N] [--seconds N] [--lock MS] [--seed N]
  --people   in the database, 10000 unless told
  --rate     requests a second, 500 unless told
  --seconds  of each part of the run, 10 unless told
  --lock     for how long a lock may be waited for, 100 unless told
  --seed     of the requests, 1 unless told`;

const ADMIN = { email: 'admin@example.com', password: 'a password of an admin' };
/** More would wait for their passwords at the start. */
const MOST_VISITORS = 200;

const DEFAULTS = { people: 10_000, rate: 500, seconds: 10, lock: 100, seed: 1 };
const { people, rate, seconds, lock: lockMs, seed } = optionsOrExit(USAGE, DEFAULTS);
const before: Release = { name: LAST_RELEASE.version, programs: buildLastRelease() };
const now: Release = { name: 'this version', programs: 'dist' };
await using stack = new AsyncDisposableStack();
process.exitCode = await run(stack);

async function run(stack: AsyncDisposableStack): Promise<number> {
  const [postgres, redis, rabbit, smtp] = await Promise.all([
    startPostgres({ durable: true }),
    startRedis(),
    startRabbit(),
    TestSmtpServer.create(),
  ]);
  await smtp.listen();
  stack.defer(async () => void (await Promise.all([postgres.stop(), redis.stop(), rabbit.stop(), smtp.close()])));
  await logLockWaits(postgres, lockMs);
  const database = await postgres.createDatabase();
  const fleet = new Fleet({
    NODE_ENV: 'production',
    PUBLIC_URL: 'http://localhost',
    ADMIN_EMAIL: ADMIN.email,
    ADMIN_PASSWORD: ADMIN.password,
    BCRYPT_COST: '10',
    DATABASE_URL: database,
    REDIS_URL: redis.url,
    AMQP_URL: rabbit.url,
    SMTP_URL: `smtp://${smtp.address}`,
  });
  stack.defer(() => fleet.kill());
  await fleet.migrate(before);
  await fleet.start(before);
  const toDelete = await makeUsersIn(database, people);
  // PostgreSQL would do it in the midst of the run.
  await select(database, 'vacuum analyze');
  await select(database, 'checkpoint');
  const load = new Load(fleet, seeded(seed), toDelete);
  await load.signIn(ADMIN, Math.min(MOST_VISITORS, rate));

  const calm = () => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000));
  const part = async (name: string, work: () => Promise<void>) => {
    load.part(name);
    await work();
  };
  load.start(rate);
  await part(before.name, calm);
  await part('migrates', () => fleet.migrate(now));
  await part(`${before.name}, migrated`, calm);
  await part('upgrade', () => fleet.replace(now, calm));
  await part(now.name, calm);
  await part('downgrade', () => fleet.replace(before, calm));
  await part(`${before.name} again`, calm);
  await part('upgrade again', () => fleet.replace(now, calm));
  await part(`${now.name} again`, calm);
  await load.stop();

  const left = await leftOf(database, load.deleted, () => fleet.replace(now, async () => undefined));
  const waits = await lockWaits(database);
  const seen = load.seen();
  const facts = {
    'failed requests': seen.reduce((sum, { failed }) => sum + failed, 0),
    'sessions lost': load.sessionsLost,
    'requests of sessions that were over': load.revoked,
    [`waits for a lock over ${lockMs} ms`]: waits.length,
    'deleted and not purged': left.readable,
    'steps left open': left.open,
    'dead letters': await deadLetters(rabbit),
  };
  console.log('| part | requests | failed | stale for ms | p50 ms | p99 ms | longest ms |');
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  for (const { name, requests, failed, staleMs, p50, p99, longest } of seen)
    console.log(`| ${[name, requests, failed, ...[staleMs, p50, p99, longest].map(Math.round)].join(' | ')} |`);
  console.log(`\n| | |\n| --- | --- |\n| people | ${people} |\n| deleted | ${load.deleted.length} |`);
  for (const [name, count] of Object.entries(facts)) console.log(`| ${name} | ${count} |`);
  for (const text of [...load.complaints, ...waits.slice(0, 10)]) console.error(text);
  return Object.values(facts).every((count) => count === 0) ? 0 : 1;
}

/**
 * How many of the deleted people are readable, and how much is left to do, when no more is done. What the release before
 * has left undone for an hour is taken over by a consumer that starts: here the hour is over at once.
 */
async function leftOf(database: string, ids: readonly string[], restart: () => Promise<void>) {
  const longAgo = `now() - interval '2 hours'`;
  await select(database, `update users set deleted_at = ${longAgo} where deleted_at is not null`);
  await select(database, `update deletions set announced_at = ${longAgo} where purged_at is null`);
  await restart();
  let left = { readable: ids.length, open: 0 };
  await eventually(async () => {
    const [{ readable }] = await select(
      database,
      `select count(*)::int as readable from users where id = any($1) and email not like '%@deleted.invalid'`,
      [ids],
    );
    const [{ open }] = await select(database, OPEN_WORK);
    left = { readable, open };
    if (readable + open > 0) throw new Error('not done yet');
  }).catch(() => undefined);
  return left;
}

async function deadLetters(rabbit: RabbitServer): Promise<number> {
  return rabbit.withChannel(async (channel) => {
    let count = 0;
    for (const queue of Object.values(DEAD_LETTERS)) count += (await channel.checkQueue(queue)).messageCount;
    return count;
  });
}
