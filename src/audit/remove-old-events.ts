import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { AuditChain, CHAINS } from './audit-chain.entity.js';
import type { AuditDigests, Place } from './audit-digests.js';
import { AuditEvent } from './audit-event.entity.js';

const BATCH = 1_000;
/** What the trigger asks for; it ends with the transaction. */
const PERMIT = `select set_config('gatehouse.audit_retention', 'on', true)`;

/** How many events went, and the chains that are not what was recorded: of those nothing more is removed. */
export interface RemovedEvents {
  count: number;
  brokenChains: number[];
}

/**
 * Removes the oldest events of each chain, in batches of a commit each, and writes down the last of them with a MAC,
 * from which a verification starts. Each is verified first, or somebody with the tables would set a time back and have
 * an event removed that is not old.
 */
export async function removeOldEvents(
  em: EntityManager,
  digests: AuditDigests,
  cutoff: Date,
  stopping?: AbortSignal,
): Promise<RemovedEvents> {
  const removed: RemovedEvents = { count: 0, brokenChains: [] };
  for (let chain = 1; chain <= CHAINS; chain += 1) {
    let count: number | null = BATCH;
    while (count === BATCH && !stopping?.aborted) {
      count = await removeBatch(em, digests, chain, cutoff);
      removed.count += count ?? 0;
    }
    if (count === null) removed.brokenChains.push(chain);
  }
  return removed;
}

/** How many went; null if the chain is broken. Holds the chain, so those who record something take another. */
async function removeBatch(parent: EntityManager, digests: AuditDigests, id: number, cutoff: Date) {
  return parent.fork().transactional(async (em) => {
    const chain = await em.findOne(AuditChain, id, { lockMode: LockMode.PESSIMISTIC_WRITE });
    const start = chain && digests.lastRemoved(chain);
    if (!start) return null;
    const oldest = await em.find(
      AuditEvent,
      { chain: id, position: { $gt: start.position } },
      { orderBy: { position: 'asc' }, limit: BATCH, disableIdentityMap: true },
    );
    const end = lastBefore(cutoff, oldest, digests, start);
    if (end === null || end.position === start.position) return end && 0;
    await em.nativeUpdate(AuditChain, id, {
      removedPosition: end.position,
      removedDigest: end.digest,
      removedMac: digests.ofRemoved(id, end),
    });
    await em.execute(PERMIT);
    return em.nativeDelete(AuditEvent, { chain: id, position: { $gt: start.position, $lte: end.position } });
  });
}

/** The last event before the first that is not older; null if one does not follow the one before it. */
function lastBefore(cutoff: Date, events: AuditEvent[], digests: AuditDigests, start: Place): Place | null {
  let last = start;
  for (const event of events) {
    if (!digests.follows(event, last)) return null;
    if (event.at >= cutoff) break;
    last = event;
  }
  return last;
}
