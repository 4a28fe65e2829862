import { LockMode, raw } from '@mikro-orm/core';
import { AuditDigests } from '../audit/audit-digests.js';
import type { Transaction } from '../audit/audit-trail.js';
import { redactEventsOf } from '../audit/redact.js';
import type { Config } from '../config/config.js';
import { ErasedMarks } from '../keys/erased-marks.js';
import { User } from '../user/user.entity.js';
import { Deletion } from './deletion.entity.js';
import { Ledger } from './ledger.js';
import { purgePersonalData } from './personal-data.js';

export interface PurgeParts {
  auditDigests: AuditDigests;
  erasedMarks: ErasedMarks;
  /** Null where none is kept. */
  ledger: Ledger | null;
}

export const purgeParts = ({ deletionLedger }: Pick<Config, 'deletionLedger'>, pepper: string): PurgeParts => ({
  auditDigests: new AuditDigests(pepper),
  erasedMarks: new ErasedMarks(pepper),
  ledger: deletionLedger === null ? null : new Ledger(deletionLedger, pepper),
});

/** Removes what is personal from every table, in the caller's transaction, once; the caller holds the deletion. */
export async function purgeWithin({ em, record }: Transaction, deletion: Deletion, parts: PurgeParts): Promise<void> {
  if (deletion.purgedAt) return;
  const { userId } = deletion;
  const user = await em.findOne(
    User,
    { id: userId },
    { populate: ['importedEmail', 'externalId'], lockMode: LockMode.PESSIMISTIC_WRITE },
  );
  if (user) {
    await redactEventsOf(em, parts.auditDigests, userId);
    await purgePersonalData(em, user, parts.erasedMarks);
  }
  await em.nativeUpdate(Deletion, { userId }, { purgedAt: raw('now()') });
  await parts.ledger?.add(em, userId);
  record({ action: 'user.purged', subjectId: userId });
}
