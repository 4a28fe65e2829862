import type { EntityManager } from '@mikro-orm/postgresql';
import { AuditChain } from '../../src/audit/audit-chain.entity.js';
import type { AuditDigests } from '../../src/audit/audit-digests.js';
import { AuditEvent } from '../../src/audit/audit-event.entity.js';

/** Makes all that the audit has older, as if it had been recorded so many days ago, with the key. */
export async function ageAudit(em: EntityManager, digests: AuditDigests, days: number): Promise<void> {
  const events = await em.fork().find(AuditEvent, {}, { orderBy: { chain: 'asc', position: 'asc' } });
  await em.execute('alter table audit_events disable trigger append_only');
  const ends = new Map<number, string>();
  for (const event of events) {
    const previousDigest = ends.get(event.chain) ?? event.previousDigest;
    const aged = { ...event, previousDigest, at: new Date(event.at.getTime() - days * 24 * 60 * 60 * 1000) };
    const digest = digests.of(aged);
    await em.fork().nativeUpdate(AuditEvent, event.id, { previousDigest, at: aged.at, digest });
    ends.set(event.chain, digest);
  }
  await em.execute('alter table audit_events enable trigger append_only');
  for (const [chain, digest] of ends) await em.fork().nativeUpdate(AuditChain, chain, { digest });
}
