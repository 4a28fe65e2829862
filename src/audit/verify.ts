import { IsolationLevel } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { AuditChain, CHAINS } from './audit-chain.entity.js';
import type { AuditDigests } from './audit-digests.js';
import { AuditEvent } from './audit-event.entity.js';

const BATCH = 1_000;

/** The last event of a chain, as it was at some time. */
export interface Head {
  chain: number;
  position: number;
  digest: string;
}

/** The first place at which a chain is not what was recorded. */
export interface Break {
  chain: number;
  position: number;
  what: string;
}

export interface Verification {
  events: number;
  heads: Head[];
  breaks: Break[];
}

/**
 * Reads every event of one instant and finds, for each chain, the first that was altered or is missing. Without `known`, heads of an
 * earlier verification that were kept elsewhere, one thing cannot be seen: a chain whose newest events were all taken away, and its head set back.
 */
export async function verifyAudit(em: EntityManager, digests: AuditDigests, known: Head[] = []): Promise<Verification> {
  const options = { isolationLevel: IsolationLevel.REPEATABLE_READ, readOnly: true };
  return em.fork().transactional(async (em) => {
    const found: Verification = { events: 0, heads: [], breaks: [] };
    for (const chain of await chainsOf(em)) {
      const walk = await walkChain(
        em,
        digests,
        chain,
        known.find((head) => head.chain === chain),
      );
      found.events += walk.events;
      if ('what' in walk) found.breaks.push({ chain, position: walk.position, what: walk.what });
      else found.heads.push(walk.head);
    }
    return found;
  }, options);
}

/** Also those that nobody made, which cannot be right. */
async function chainsOf(em: EntityManager): Promise<number[]> {
  const rows = await em.createQueryBuilder(AuditEvent).select('chain', true).execute<{ chain: number }[]>('all');
  const made = Array.from({ length: CHAINS }, (_, index) => index + 1);
  return [...new Set([...made, ...rows.map(({ chain }) => chain)])].sort((a, b) => a - b);
}

type Walk = { events: number } & ({ head: Head } | { position: number; what: string });

async function walkChain(em: EntityManager, digests: AuditDigests, chain: number, known?: Head): Promise<Walk> {
  const head: Head = { chain, position: 0, digest: '' };
  const broken = (what: string, position = head.position + 1) => ({ events: head.position, position, what });
  for await (const event of eventsOf(em, chain)) {
    const { position, id, action } = event;
    if (position > head.position + 1) return broken('is missing');
    const fits =
      position === head.position + 1 && event.previousDigest === head.digest && digests.of(event) === event.digest;
    if (!fits) return broken(`was altered (${action}, ${id})`, position);
    Object.assign(head, { position, digest: event.digest });
    if (known?.position === position && known.digest !== event.digest)
      return broken('is another than it was', position);
  }
  const end = await em.findOne(AuditChain, chain);
  if ((known?.position ?? 0) > head.position || (end?.position ?? 0) > head.position) return broken('is missing');
  if (end?.position !== head.position || end.digest !== head.digest)
    return broken('is not where the chain says that it ends', head.position);
  return { events: head.position, head };
}

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
