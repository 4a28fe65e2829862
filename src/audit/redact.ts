import type { EntityManager } from '@mikro-orm/postgresql';
import { NIL } from 'uuid';
import type { AuditDigests } from './audit-digests.js';
import { AuditEvent } from './audit-event.entity.js';

/** What the trigger asks for; it ends with the transaction. */
const PERMIT = `select set_config('gatehouse.audit_redaction', 'on', true)`;

/** Free text of an admin about the subject. */
const PERSONAL_DETAIL = 'reason';

const BATCH = 1_000;

/**
 * Removes what is personal to a user in audit events, in the caller's transaction: the addresses that they came from,
 * those of attempts at their account, and free text about them. What happened, when and by which id stays, and the
 * chain still verifies. An event that was altered before is emptied too, and stays one that was altered.
 */
export async function redactEventsOf(em: EntityManager, digests: AuditDigests, userId: string): Promise<void> {
  await em.execute(PERMIT);
  for (let last: string = NIL; ; ) {
    const events = await em.find(
      AuditEvent,
      { $or: [{ actorId: userId }, { subjectId: userId }], id: { $gt: last } },
      { orderBy: { id: 'asc' }, limit: BATCH, disableIdentityMap: true },
    );
    for (const event of events) await redact(em, digests, userId, event);
    if (events.length < BATCH) return;
    last = (events.at(-1) as AuditEvent).id;
  }
}

async function redact(em: EntityManager, digests: AuditDigests, userId: string, event: AuditEvent): Promise<void> {
  const isTheirAddress = event.ipAddress !== null && (event.actorId === userId || event.actorId === null);
  const hasText = event.subjectId === userId && typeof event.details?.[PERSONAL_DETAIL] === 'string';
  if (!isTheirAddress && !hasText) return;
  const isGenuine = digests.isGenuine(event);
  if (isTheirAddress) event.ipAddress = null;
  if (hasText) event.details = { ...event.details, [PERSONAL_DETAIL]: null };
  event.redactionMac = isGenuine ? digests.ofRedacted(event) : '';
  const { ipAddress, details, redactionMac } = event;
  await em.nativeUpdate(AuditEvent, event.id, { ipAddress, details, redactionMac });
}
