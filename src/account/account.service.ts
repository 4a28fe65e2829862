import { LockMode } from '@mikro-orm/core';
import type { AuditFact, AuditTrail, Transaction } from '../audit/audit-trail.js';
import type { Cache } from '../cache.js';
import { isRefusedBy } from '../database/constraint.js';
import { lastAdmin, notFound } from '../errors.js';
import { roleChanged, userActivated, userDeactivated, userDeleted } from '../events/outbox.entity.js';
import { lastLanguageOf } from '../mail/last-language.js';
import { MailKind } from '../mail/mail.entity.js';
import { orderMail } from '../mail/order-mail.js';
import type { Actor, SignedInActor } from '../request/actor.js';
import { cachedSession, type SessionService } from '../session/session.service.js';
import { canonicalUuid } from '../text/uuid.js';
import { checkedName } from '../user/name.js';
import { ROLE_IDS, type RoleName } from '../user/role.entity.js';
import { LAST_ADMIN, User } from '../user/user.entity.js';
import type { UpdateProfileInput } from '../user/user.inputs.js';
import { cachedOf, type UserService } from '../user/user.service.js';
import { checkedReason } from './deactivation-reason.js';

type Done = Omit<AuditFact, 'subjectId'> & { endsSessions?: boolean };

/** Changes a user and says what was done, or null where nothing was. */
type Change = (user: User, transaction: Transaction) => Done | null | Promise<Done | null>;

/** Changes accounts. */
export class AccountService {
  constructor(
    private readonly audit: AuditTrail,
    private readonly cache: Cache,
    private readonly users: UserService,
    private readonly sessions: SessionService,
  ) {}

  /** @throws {IdentityError} BAD_USER_INPUT for a name that is none. */
  async updateProfile(actor: SignedInActor, { name }: UpdateProfileInput): Promise<User> {
    const checked = name === null || name === undefined ? null : checkedName(name);
    return this.change(actor, actor.userId, (user) => {
      if (checked === null || checked === user.name) return null;
      user.name = checked;
      return { action: 'user.profile_updated' };
    });
  }

  /**
   * Changes and announces a role, once: the same one again changes nothing.
   * @throws {IdentityError} BAD_USER_INPUT, NOT_FOUND also for a closed account, or LAST_ADMIN, which the database
   *   decides.
   */
  async setRole(actor: SignedInActor, id: string, role: RoleName): Promise<User> {
    return this.#changeOpen(actor, id, (user, { em }) => {
      const from = user.roleName;
      if (from === role) return null;
      user.roleId = ROLE_IDS[role];
      em.persist(roleChanged(user.id, role, actor.userId));
      return { action: 'user.role_changed', details: { from, to: role } };
    });
  }

  /**
   * Switches an account off with all its sessions and announces it, once.
   * @throws {IdentityError} BAD_USER_INPUT, NOT_FOUND also for a closed account, or LAST_ADMIN, which the database
   *   decides.
   */
  async deactivate(actor: SignedInActor, id: string, reason: string | null): Promise<User> {
    const checked = reason === null ? null : checkedReason(reason);
    return this.#changeOpen(actor, id, (user, { em }) => {
      if (!user.isActive) return null;
      user.isActive = false;
      em.persist(userDeactivated(user.id, actor.userId));
      return { action: 'user.deactivated', endsSessions: true, details: { reason: checked } };
    });
  }

  /** @throws {IdentityError} BAD_USER_INPUT, or NOT_FOUND also for a closed account. */
  async activate(actor: SignedInActor, id: string): Promise<User> {
    return this.#changeOpen(actor, id, (user, { em }) => {
      if (user.isActive) return null;
      user.isActive = true;
      em.persist(userActivated(user.id, actor.userId));
      return { action: 'user.activated' };
    });
  }

  /**
   * Closes an account with its sessions, announces it and sends a receipt, once: for a closed one nothing changes. An
   * admin's language is not the user's, so what an admin does is told in the language of the user's last mail.
   * @throws {IdentityError} BAD_USER_INPUT, NOT_FOUND, or LAST_ADMIN, which the database decides.
   */
  async close(actor: SignedInActor, id: string): Promise<User> {
    return this.change(actor, canonicalUuid(id), async (user, { em }) => {
      if (user.deletedAt) return null;
      const now = new Date();
      user.close(now);
      em.persist(userDeleted(user.id, actor.userId, now));
      const language = user.id === actor.userId ? actor.client.language : await lastLanguageOf(em, user.id);
      orderMail(em, { userId: user.id, kind: MailKind.ACCOUNT_CLOSED, recipient: user.email, language });
      return { action: 'user.deleted', endsSessions: true };
    });
  }

  async #changeOpen(actor: Actor, id: string, change: Change): Promise<User> {
    return this.change(actor, canonicalUuid(id), (user, transaction) => {
      if (user.deletedAt) throw notFound('user');
      return change(user, transaction);
    });
  }

  /**
   * One change of one user, with the row held until its commit and what was done recorded in it; then the cache no
   * longer knows them.
   */
  async change(actor: Actor, id: string, change: Change): Promise<User> {
    const { user, revoked } = await this.audit
      .transaction(actor, async (transaction) => {
        const { em, record } = transaction;
        const user = await em.findOne(User, id, { lockMode: LockMode.PESSIMISTIC_WRITE });
        if (!user) throw notFound('user');
        const done = await change(user, transaction);
        if (!done) return { user, revoked: [] };
        const { endsSessions, ...fact } = done;
        const revoked = endsSessions ? await this.sessions.revokeWithin(em, id) : [];
        record({ ...fact, subjectId: id });
        return { user, revoked };
      })
      .catch((error) => {
        throw isRefusedBy(LAST_ADMIN, error) ? lastAdmin() : error;
      });
    await this.invalidate(actor, id, revoked);
    return user;
  }

  /**
   * After the commit of a change of a user, or of a new one: what the cache and the request know of it and of its
   * revoked sessions.
   */
  async invalidate(actor: Actor, userId: string, sessionIds: string[] = []): Promise<void> {
    await this.cache.invalidate(...cachedOf(userId), ...sessionIds.map(cachedSession));
    this.users.forget(actor, userId);
  }
}
