import type { EntityManager } from '@mikro-orm/postgresql';
import type { AuditTrail } from '../audit/audit-trail.js';
import type { Acknowledgements } from '../keys/acknowledgements.js';
import type { SignedInActor } from '../request/actor.js';
import { canonicalUuid } from '../text/uuid.js';
import { User } from '../user/user.entity.js';
import { acknowledge } from './acknowledge.js';
import { Deletion, DeletionReceipt, DeletionStatus, ReceiptStatus } from './deletion.entity.js';
import type { ErasureAcknowledged } from './erasure-acknowledged.payload.js';
import { personalDataOf } from './personal-data.js';

/** Reads deletions, and what is held about somebody. */
export class DeletionService {
  constructor(
    private readonly em: EntityManager,
    private readonly audit: AuditTrail,
    private readonly acknowledgements: Acknowledgements,
  ) {}

  /** Null for an account that is open, or that is not there. @throws {IdentityError} BAD_USER_INPUT if the id is no UUID. */
  find(userId: string): Promise<Deletion | null> {
    return this.em.fork().findOne(Deletion, { userId: canonicalUuid(userId) });
  }

  /** DONE only when every step is. */
  async statusOf({ userId, announcedAt, purgedAt }: Deletion): Promise<DeletionStatus> {
    if (!announcedAt) return DeletionStatus.SCHEDULED;
    if (!purgedAt) return DeletionStatus.PURGING;
    const owed = await this.em.fork().count(DeletionReceipt, { userId, status: { $ne: ReceiptStatus.DONE } });
    return owed === 0 ? DeletionStatus.DONE : DeletionStatus.PURGING;
  }

  /** By the name of their step. */
  receiptsOf(userId: string): Promise<DeletionReceipt[]> {
    return this.em.fork().find(DeletionReceipt, { userId }, { orderBy: { step: 'asc' } });
  }

  /**
   * Writes that a participant has erased a user. Its signature takes the place of a sign-in.
   * @throws {IdentityError} INVALID_TOKEN, or CONFLICT where the erasure was not announced.
   */
  async acknowledge(token: string): Promise<ErasureAcknowledged> {
    const { participant, userId } = this.acknowledgements.verify(token);
    return { userId, participant, acknowledgedAt: await acknowledge(this.em, { participant, userId }) };
  }

  /** Everything that is held about the actor, by table; recorded. */
  async exportOf(actor: SignedInActor): Promise<Record<string, object[]>> {
    const { userId } = actor;
    return this.audit.transaction(actor, async ({ em, record }) => {
      const data = await personalDataOf(em, await em.findOneOrFail(User, userId));
      record({ action: 'user.data_exported', subjectId: userId });
      return data;
    });
  }
}
