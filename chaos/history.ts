import { withPostgres } from '../test/support/servers/postgres.js';
import type { Deliveries } from './observer.js';

export interface Verdict {
  published: number;
  deliveries: number;
  /** Deliveries of an event beyond its first. */
  duplicates: number;
  effects: number;
  /** Accepted deletions without an event, its delivery, or its purge. */
  lost: string[];
  /** Events or purges of users whose deletion nobody asked for. */
  phantom: string[];
  /** Users with more than one event, purge or record of either. */
  twice: string[];
  /** Users whose states are not in their order. */
  disordered: string[];
  lagMs: number[];
}

/** One statement, on whichever database. */
export type Query = (sql: string, parameters: unknown[]) => Promise<{ rows: unknown[] }>;

interface History {
  id: string;
  events: string[];
  handled: number;
  recorded: string[];
  receipts: { step: string; finished: number }[];
  requested: number | null;
  announced: number | null;
  purged: number | null;
  email: string;
  lag: number | null;
}

/** Of each user, what the database says happened, in its order. */
const HISTORIES = `
  select u.id, u.email,
    array(select o.id::text from outbox o where o.subject = u.id::text and o.type = 'user.deleted') as events,
    (select count(*)::int from inbox i join outbox o on o.id = i.id where o.subject = u.id::text and o.type = 'user.deleted') as handled,
    array(select a.action from audit_events a where a.subject_id = u.id and a.action in ('user.deleted', 'user.purged') order by a.id) as recorded,
    coalesce((select json_agg(json_build_object('step', r.step, 'finished', extract(epoch from r.finished_at) * 1000) order by r.finished_at)
      from deletion_receipts r where r.user_id = u.id and r.status = 'done'), '[]') as receipts,
    extract(epoch from d.requested_at)::float8 * 1000 as requested,
    extract(epoch from d.announced_at)::float8 * 1000 as announced,
    extract(epoch from d.purged_at)::float8 * 1000 as purged,
    (select extract(epoch from i.handled_at - d.requested_at)::float8 * 1000 from inbox i join outbox o on o.id = i.id
      where o.subject = u.id::text and o.type = 'user.deleted' limit 1) as lag
  from users u left join deletions d on d.user_id = u.id where u.id = any($1)`;

const STEPS = ['mail', 'purge'];

/** Compares what was accepted with what happened. `asked` may hold more: a request whose answer was lost may be done. */
export async function judge(
  query: Query,
  users: string[],
  asked: ReadonlySet<string>,
  accepted: ReadonlySet<string>,
  seen: Deliveries,
): Promise<Verdict> {
  const histories = (await query(HISTORIES, [users])).rows as History[];
  const verdict: Verdict = {
    published: histories.reduce((sum, { events }) => sum + events.length, 0),
    deliveries: [...seen.byEvent.values()].reduce((sum, times) => sum + times, 0),
    duplicates: [...seen.byEvent.values()].reduce((sum, times) => sum + times - 1, 0),
    effects: histories.filter(({ purged }) => purged !== null).length,
    ...{ lost: [], phantom: [], twice: [], disordered: [], lagMs: [] },
  };
  for (const history of histories) {
    const { id, events, handled, recorded, email, purged, lag } = history;
    const delivered = seen.users.get(id) ?? new Set();
    const isErased = purged !== null && email.endsWith('@deleted.invalid');
    if (accepted.has(id) && !(events.length > 0 && handled > 0 && delivered.size > 0 && isErased))
      verdict.lost.push(id);
    const happened = events.length > 0 || delivered.size > 0 || isErased || recorded.length > 0;
    if (happened && !asked.has(id)) verdict.phantom.push(id);
    const counts = ['user.deleted', 'user.purged'].map((action) => recorded.filter((one) => one === action).length);
    if (events.length > 1 || delivered.size > 1 || handled > 1 || counts.some((count) => count > 1))
      verdict.twice.push(id);
    if (accepted.has(id) && !isInOrder(history)) verdict.disordered.push(id);
    if (lag !== null) verdict.lagMs.push(lag);
  }
  // Of users that there are not.
  const known = new Set(users);
  for (const id of seen.users.keys()) if (!known.has(id)) verdict.phantom.push(id);
  verdict.lagMs.sort((a, b) => a - b);
  return verdict;
}

/** The same of a whole database of PostgreSQL. */
export const judgeDatabase = (database: string, ...rest: Rest<Parameters<typeof judge>>): Promise<Verdict> =>
  withPostgres(database, async (client) => {
    await client.query('create index on outbox (subject)');
    await client.query('analyze');
    return judge((sql, parameters) => client.query(sql, parameters), ...rest);
  });

type Rest<T extends unknown[]> = T extends [unknown, ...infer R] ? R : never;

/** Closed, announced, its steps done, the purge last; and recorded. */
function isInOrder({ requested, announced, purged, receipts, recorded }: History): boolean {
  const steps = receipts.map(({ step }) => step);
  const finished = receipts.map(({ finished }) => finished);
  const times = [requested, announced, finished[0] ?? null, purged];
  return (
    times.every((time, index) => time !== null && (index === 0 || time >= (times[index - 1] ?? 0))) &&
    steps.join() === STEPS.join() &&
    // Each once; the processes that record them have clocks of their own.
    [...recorded].sort().join() === 'user.deleted,user.purged'
  );
}
