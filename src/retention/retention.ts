import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { NIL } from 'uuid';
import type { AuditDigests } from '../audit/audit-digests.js';
import type { AuditTrail } from '../audit/audit-trail.js';
import { removeOldEvents } from '../audit/remove-old-events.js';
import type { Retention } from '../config/config.js';
import { COMMAND } from '../request/actor.js';
import { Janitor } from './janitor.js';

const DAY_MS = 24 * 60 * 60 * 1000;
const BATCH = 1_000;

/** How many rows went, by what they are. */
export type RemovedCounts = Record<Kind | 'auditEvents', number>;
type Kind = 'sessions' | 'outbox' | 'inbox' | 'mailTokens' | 'mails';

/** Rows of one table that may go. */
interface Rule {
  kind: Kind;
  table: string;
  key: string;
  /** Less than every key. */
  start: string;
  days: keyof Retention;
  /** Of a row and the time `cutoff`. */
  where: string;
}

const WAITING = 'published_at is null and outbox.subject = mails.id::text';
/** Sent or given up so long ago; and no mail whose event still waits, for that will be sent. */
const OLD_MAIL = `greatest(ordered_at, sent_at, refused_at) < cutoff and not exists (select from outbox where ${WAITING})`;

/**
 * In this order: an event is known as handled for as long as the outbox could publish it again, and tokens are counted
 * before their mail takes them along.
 */
const RULES: Rule[] = [
  {
    kind: 'sessions',
    table: 'sessions',
    key: 'id',
    start: NIL,
    days: 'sessionsDays',
    where: 'least(ended_at, expires_at) < cutoff',
  },
  { kind: 'outbox', table: 'outbox', key: 'id', start: NIL, days: 'eventsDays', where: 'published_at < cutoff' },
  {
    kind: 'inbox',
    table: 'inbox',
    key: 'id',
    start: NIL,
    days: 'eventsDays',
    where: 'handled_at < cutoff and not exists (select from outbox where outbox.id = inbox.id)',
  },
  {
    kind: 'mailTokens',
    table: 'mail_tokens',
    key: 'digest',
    start: '',
    days: 'mailsDays',
    where: `expires_at < cutoff or exists (select from mails where mails.id = mail_id and ${OLD_MAIL})`,
  },
  { kind: 'mails', table: 'mails', key: 'id', start: NIL, days: 'mailsDays', where: OLD_MAIL },
];

export interface RetentionParts {
  em: EntityManager;
  audit: AuditTrail;
  auditDigests: AuditDigests;
}

export interface Removal {
  removed: RemovedCounts;
  /** Chains of audit events that are not what was recorded, of which nothing is removed. */
  brokenChains: number[];
}

/**
 * Removes rows that are older than their retention, in batches of a commit each, and records how many. Several may do
 * it at once: each row is removed and counted by one.
 */
export async function removeOld(parts: RetentionParts, retention: Retention, stopping?: AbortSignal): Promise<Removal> {
  const { em, audit, auditDigests } = parts;
  const removed: RemovedCounts = { sessions: 0, outbox: 0, inbox: 0, mailTokens: 0, mails: 0, auditEvents: 0 };
  for (const rule of RULES) {
    const days = retention[rule.days];
    if (days > 0) removed[rule.kind] = await removeBy(em, rule, days, stopping);
  }
  const { auditDays } = retention;
  const events = auditDays > 0 ? await removeOldEvents(em, auditDigests, await daysAgo(em, auditDays), stopping) : null;
  removed.auditEvents = events?.count ?? 0;
  if (hasRemoved(removed))
    await audit.record(COMMAND, { action: 'records.removed', subjectId: null, details: removed });
  return { removed, brokenChains: events?.brokenChains ?? [] };
}

const hasRemoved = (removed: RemovedCounts) => Object.values(removed).some((count) => count > 0);

/** By the clock of the database, as in `statement`: what a process with a wrong one removes does not come back. */
export async function daysAgo(em: EntityManager, days: number): Promise<Date> {
  const [row] = await em.fork().execute<[{ ms: number }]>('select (extract(epoch from now()) * 1000)::float8 as ms');
  return new Date(row.ms - days * DAY_MS);
}

/** A janitor that removes as `removeOld`, and logs what went. */
export const janitorOfRecords = (parts: RetentionParts, retention: Retention, log: Logger): Janitor =>
  new Janitor(async (stopping) => {
    const { removed, brokenChains } = await removeOld(parts, retention, stopping);
    if (hasRemoved(removed)) log.info(removed, 'old records removed');
    if (brokenChains.length > 0) log.error({ brokenChains }, 'audit is altered: run npm run audit:verify');
  }, log);

async function removeBy(em: EntityManager, rule: Rule, days: number, stopping?: AbortSignal): Promise<number> {
  let [total, last] = [0, rule.start];
  while (!stopping?.aborted) {
    const [batch] = await em.fork().execute<[{ removed: number; last: string }]>(statement(rule), [days, last]);
    total += batch.removed;
    if (batch.removed < BATCH) break;
    last = batch.last;
  }
  return total;
}

/** Walks the primary key, so that all batches together read the table once, and it needs no index more. */
const statement = ({ table, key, where }: Rule) => `
  with retention as (select now() - ? * interval '24 hours' as cutoff),
  picked as (
    select ${key} from ${table}, retention where ${key} > ? and (${where})
    order by ${key} limit ${BATCH} for update of ${table} skip locked
  ),
  gone as (delete from ${table} using picked where ${table}.${key} = picked.${key} returning ${table}.${key} as key)
  select count(*)::int as removed, (array_agg(key order by key desc))[1] as last from gone`;
