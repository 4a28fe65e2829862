import type { EntityManager } from '@mikro-orm/postgresql';
import type { AuditTrail } from '../audit/audit-trail.js';
import type { SignedInActor } from '../request/actor.js';
import { canonicalUuid } from '../text/uuid.js';
import { User } from '../user/user.entity.js';
import { Deletion, DeletionReceipt } from './deletion.entity.js';
import { personalDataOf } from './personal-data.js';

/** Reads deletions, and what is held about somebody. */
export class DeletionService {
  constructor(
    private readonly em: EntityManager,
    private readonly audit: AuditTrail,
  ) {}

  /** Null for an account that is open, or that is not there. @throws {IdentityError} BAD_USER_INPUT if the id is no UUID. */
  find(userId: string): Promise<Deletion | null> {
    return this.em.fork().findOne(Deletion, { userId: canonicalUuid(userId) });
  }

  /** By the name of their step. */
  receiptsOf(userId: string): Promise<DeletionReceipt[]> {
    return this.em.fork().find(DeletionReceipt, { userId }, { orderBy: { step: 'asc' } });
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
