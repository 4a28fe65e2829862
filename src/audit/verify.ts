import { IsolationLevel } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { AuditChain, CHAINS } from './audit-chain.entity.js';
import type { AuditDigests, Place } from './audit-digests.js';
import { AuditEvent } from './audit-event.entity.js';

const BATCH = 1_000;
const NOT_REMOVED = 'is not the last that retention removed';

/** The last event of a chain, as it was at some time. */
export interface Head extends Place {
  chain: number;
}

/** The first place at which a chain is not what was recorded. */
export interface Break {
  chain: number;
  position: number;
  what: string;
}

export interface Verification {
  events: number;
  /** How many older events retention removed. */
  removed: number;
  heads: Head[];
  breaks: Break[];
}

/**
 * Reads every event of one instant and finds, for each chain, the first that was altered, or is missing and was not
 * removed by retention. Without `known`, heads of an earlier verification that were kept elsewhere, one thing cannot be
 * seen: a chain whose newest events were all taken away, and its head set back.
 */
export async function verifyAudit(em: EntityManager, digests: AuditDigests, known: Head[] = []): Promise<Verification> {
  const options = { isolationLevel: IsolationLevel.REPEATABLE_READ, readOnly: true };
  return em.fork().transactional(async (em) => {
    const found: Verification = { events: 0, removed: 0, heads: [], breaks: [] };
    for (const chain of await chainsOf(em)) {
      const walk = await walkChain(
        em,
        digests,
        chain,
        known.find((head) => head.chain === chain),
      );
      found.events += walk.events;
      found.removed += walk.removed;
      if ('what' in walk) found.breaks.push({ chain, position: walk.position, what: walk.what });
      else found.heads.push(walk.head);
    }
    return found;
  }, options);
}

/** Also those that no migration made, which cannot be right. */
async function chainsOf(em: EntityManager): Promise<number[]> {
  const rows = await em.createQueryBuilder(AuditEvent).select('chain', true).execute<{ chain: number }[]>('all');
  const made = Array.from({ length: CHAINS }, (_, index) => index + 1);
  return [...new Set([...made, ...rows.map(({ chain }) => chain)])].sort((a, b) => a - b);
}

type ChainResult = { events: number; removed: number } & ({ head: Head } | { position: number; what: string });

async function walkChain(em: EntityManager, digests: AuditDigests, chain: number, known?: Head): Promise<ChainResult> {
  const end = await em.findOne(AuditChain, chain);
  const start = end ? digests.lastRemoved(end) : { position: 0, digest: '' };
  if (!start) return { events: 0, removed: 0, position: end?.removedPosition ?? 0, what: NOT_REMOVED };
  const head: Head = { chain, ...start };
  const counts = () => ({ events: head.position - start.position, removed: start.position });
  const broken = (what: string, position = head.position + 1) => ({ ...counts(), position, what });
  if (isAnother(head, known)) return broken('is another than it was', head.position);
  for await (const event of eventsOf(em, chain)) {
    const { position, digest, id, action } = event;
    if (position > head.position + 1) return broken('is missing');
    if (!digests.follows(event, head)) return broken(`was altered (${action}, ${id})`, position);
    Object.assign(head, { position, digest });
    if (isAnother(head, known)) return broken('is another than it was', position);
  }
  if ((known?.position ?? 0) > head.position || (end?.position ?? 0) > head.position) return broken('is missing');
  if (end?.position !== head.position || end.digest !== head.digest)
    return broken('is not where the chain says that it ends', head.position);
  return { ...counts(), head };
}

/** Heads from before a retention may lie before the first event that is left, and then say nothing. */
const isAnother = ({ position, digest }: Head, known?: Head) => known?.position === position && known.digest !== digest;

async function* eventsOf(em: EntityManager, chain: number): AsyncGenerator<AuditEvent> {
  let last = -(2 ** 31);
  for (;;) {
    const where = { chain, position: { $gt: last } };
    const events = await em.find(AuditEvent, where, {
      orderBy: { position: 'asc' },
      limit: BATCH,
      disableIdentityMap: true,
    });
    yield* events;
    if (events.length < BATCH) return;
    last = (events.at(-1) as AuditEvent).position;
  }
}
