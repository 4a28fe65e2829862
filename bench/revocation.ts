import { select } from '../test/support/processes.js';
import { machine, row, startInstances } from './instances.js';
import { quantile } from './statistics.js';
import { prepare, probe, type Victim } from './victims.js';

/**
 * How long after its commit on one instance the other refuses what was taken away, with Redis up, down and frozen. The
 * other is asked without a pause from the moment that the change is requested. SESSIONS for each state of Redis, 1000
 * unless told.
 */
const SESSIONS = Number(process.env.SESSIONS ?? 1_000);
/** So few that no access token runs out before it was asked for the last time. */
const BATCH = 200;

// A purge would take the row that says when its deletion was committed.
await using instances = await startInstances({ DELETION_GRACE: 'P1D' });
const { one, other, database, redis } = instances;

const now = () => performance.timeOrigin + performance.now();

/** PostgreSQL's own time of the transaction; its clock is this machine's. */
async function committedAt({ table, id }: Victim['committed']): Promise<number> {
  const at = `select extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000 as at from ${table} where id = $1`;
  const [{ at: milliseconds }] = await select(database, at, [id]);
  return Number(milliseconds);
}

interface Revocation {
  /** From the commit to the first refusal's arrival. */
  refusedMs: number;
  /** From the commit to the beginning of each request that was accepted. */
  acceptedMs: number[];
  /** Accepted requests that began when the revocation had been answered. */
  acceptedAfterAnswer: number;
}

async function revoke(victim: Victim): Promise<Revocation> {
  // The preparation may be longer ago than an entry of the cache lives.
  if (!(await probe(other, victim))) throw new Error('refused before it was revoked');
  const acceptedAt: number[] = [];
  const revoked = victim.revoke().then((answer) => ({ ...answer, at: now() }));
  for (let began = now(); await probe(other, victim); began = now()) acceptedAt.push(began);
  const refusedAt = now();
  const { errors, text, at } = await revoked;
  if (errors.length > 0) throw new Error(`not revoked: ${text}`);
  const commit = await committedAt(victim.committed);
  return {
    refusedMs: refusedAt - commit,
    acceptedMs: acceptedAt.map((began) => began - commit),
    acceptedAfterAnswer: acceptedAt.filter((began) => began > at).length,
  };
}

const stillAccepted = async (victims: Victim[]) => {
  let count = 0;
  for (const victim of victims) for (const api of [one, other]) if (await probe(api, victim)) count += 1;
  return count;
};

async function measure(state: string, enter: () => unknown, leave: () => unknown) {
  const seen: Revocation[] = [];
  let acceptedLater = 0;
  while (seen.length < SESSIONS) {
    const victims = await prepare(instances, Math.min(BATCH, SESSIONS - seen.length));
    await enter();
    for (const victim of victims) seen.push(await revoke(victim));
    acceptedLater += await stillAccepted(victims);
    await leave();
    acceptedLater += await stillAccepted(victims);
  }
  report(state, seen, acceptedLater);
}

function report(state: string, seen: Revocation[], acceptedLater: number) {
  const refused = seen.map(({ refusedMs }) => refusedMs);
  const after = seen.flatMap(({ acceptedMs }) => acceptedMs.filter((ms) => ms > 0));
  const times = [0.5, 0.99, 1].map((q) => quantile(refused, q).toFixed(1));
  const afterCommit = after.length > 0 ? `${after.length}, up to ${Math.max(...after).toFixed(1)} ms` : '0';
  const afterAnswer = seen.reduce((sum, { acceptedAfterAnswer }) => sum + acceptedAfterAnswer, 0);
  const afterOneSecond = after.filter((ms) => ms > 1_000).length + acceptedLater;
  row(state, seen.length, ...times, afterCommit, afterAnswer, afterOneSecond);
}

row('Redis', 'revocations', 'p50 ms', 'p99 ms', 'max ms', 'accepted after the commit', 'the answer', '1 s');
row('---', '---', '---', '---', '---', '---', '---', '---');
const nothing = () => undefined;
await measure('up', nothing, nothing);
await measure(
  'down, then up',
  () => redis.halt(),
  () => redis.resume(),
);
await measure(
  'frozen, then thawed',
  () => redis.freeze(),
  () => redis.thaw(),
);
console.log(`
From PostgreSQL's time of the commit to the arrival of the other instance's first refusal. Accepted: requests that began after the commit, after the revocation was
answered, and more than 1 s after the commit; the last has also all tokens asked once more on both instances, before and after Redis is back. ${machine()}.`);
