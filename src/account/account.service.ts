import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { AuditFact, AuditTrail, Transaction } from '../audit/audit-trail.js';
import type { Cache } from '../cache/cache.js';
import { isRefusedBy } from '../database/constraint.js';
import { Deletion } from '../deletion/deletion.entity.js';
import { conflict, invalidCredentials, lastAdmin, notFound, reauthenticationRequired } from '../errors.js';
import {
  deletionScheduled,
  roleChanged,
  userActivated,
  userDeactivated,
  userDeleted,
  userRestored,
} from '../events/outbox.entity.js';
import { lastLanguageOf } from '../mail/last-language.js';
import { MailKind } from '../mail/mail.entity.js';
import { orderMail } from '../mail/order-mail.js';
import type { Passwords } from '../password/password.js';
import type { Actor, SignedInActor } from '../request/actor.js';
import { Session } from '../session/session.entity.js';
import { cachedSession, type SessionService } from '../session/session.service.js';
import { canonicalUuid } from '../text/uuid.js';
import type { Throttles } from '../throttle/throttles.js';
import { checkedName } from '../user/name.js';
import { ROLE_IDS, type RoleName } from '../user/role.entity.js';
import { LAST_ADMIN, OPEN_EMAIL, User } from '../user/user.entity.js';
import type { UpdateProfileInput } from '../user/user.inputs.js';
import { cachedOf, type UserService } from '../user/user.service.js';
import { checkedReason } from './deactivation-reason.js';

/** A session that was opened so recently is a confirmation (OWASP ASVS 5.0, 7.5.1). */
const REAUTHENTICATION_MS = 5 * 60 * 1000;

type Done = Omit<AuditFact, 'subjectId'> & { endsSessions?: boolean };

/** Changes a user and says what was done, or null where nothing was. */
type Change = (user: User, transaction: Transaction) => Done | null | Promise<Done | null>;

interface AccountParts {
  em: EntityManager;
  audit: AuditTrail;
  cache: Cache;
  users: UserService;
  sessions: SessionService;
  passwords: Passwords;
  throttles: Throttles;
  /** For how long a deletion can be taken back. */
  deletionGraceSeconds: number;
}

/** Changes accounts. */
export class AccountService {
  constructor(private readonly parts: AccountParts) {}

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
   * Closes an account with its sessions, announces it and sends a receipt, once: for a closed one nothing changes. Who
   * closes their own confirms it. An admin's language is not the user's, so what an admin does is told in the language of
   * the user's last mail.
   * @throws {IdentityError} BAD_USER_INPUT, NOT_FOUND, or LAST_ADMIN, which the database decides; for the own account as
   *   `#confirm`.
   */
  async close(actor: SignedInActor, id: string, password: string | null): Promise<User> {
    const userId = canonicalUuid(id);
    if (userId === actor.userId) await this.#confirm(actor, password);
    return this.change(actor, userId, async (user, { em }) => {
      if (user.deletedAt) return null;
      const now = new Date();
      const graceMs = this.parts.deletionGraceSeconds * 1000;
      const purgeAt = new Date(now.getTime() + graceMs);
      const deletion = new Deletion({
        userId,
        requestedBy: actor.userId,
        requestedAt: now,
        purgeAt,
        wasActive: user.isActive,
      });
      if (graceMs === 0) deletion.announcedAt = now;
      user.close(now);
      const event =
        graceMs === 0 ? userDeleted(userId, actor.userId, now) : deletionScheduled(userId, actor.userId, purgeAt);
      em.persist([deletion, event]);
      const language = user.id === actor.userId ? actor.client.language : await lastLanguageOf(em, user.id);
      orderMail(em, { userId: user.id, kind: MailKind.ACCOUNT_CLOSED, recipient: user.email, language });
      return { action: 'user.deleted', endsSessions: true };
    });
  }

  /**
   * Takes a deletion back while its grace period runs: the account is as it was, without its sessions. An open one stays
   * as it is.
   * @throws {IdentityError} BAD_USER_INPUT, NOT_FOUND, or CONFLICT where the purge has begun, or another account has the
   *   address now.
   */
  async restore(actor: SignedInActor, id: string): Promise<User> {
    const restored = this.change(actor, canonicalUuid(id), async (user, { em }) => {
      if (!user.deletedAt) return null;
      const deletion = await em.findOne(Deletion, { userId: user.id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
      if (!deletion || deletion.announcedAt) throw conflict('The deletion cannot be taken back any more.');
      user.deletedAt = null;
      user.isActive = deletion.wasActive;
      em.remove(deletion);
      em.persist(userRestored(user.id, actor.userId));
      return { action: 'user.restored' };
    });
    return restored.catch((error) => {
      throw isRefusedBy(OPEN_EMAIL, error) ? conflict('Another account has the e-mail address now.') : error;
    });
  }

  /**
   * That it is the user who deletes their account, and nobody who found their device: by the password, or by a session
   * that was opened a moment ago. An operation tries one password: the first that is wrong ends it.
   * @throws {IdentityError} REAUTHENTICATION_REQUIRED, INVALID_CREDENTIALS, RATE_LIMITED, SERVICE_OVERLOADED;
   *   BAD_USER_INPUT for what no password can be.
   */
  async #confirm(actor: SignedInActor, password: string | null): Promise<void> {
    if (password === null) {
      const session = await this.parts.em.fork().findOne(Session, actor.sessionId, { fields: ['createdAt'] });
      if (session && Date.now() - session.createdAt.getTime() < REAUTHENTICATION_MS) return;
      throw reauthenticationRequired();
    }
    const { em, throttles, passwords, audit } = this.parts;
    const { userId, client } = actor;
    // By session: who has stolen one keeps the owner out of no other.
    await throttles.charge('deleteUser', client, actor.sessionId);
    const { passwordHash } = await em.fork().findOneOrFail(User, userId, { populate: ['passwordHash'] });
    if (!(await passwords.verify(client, password, passwordHash, 'password')))
      await audit.recordFailureAndThrow(actor, 'user_deletion.failed', userId, invalidCredentials());
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
    const { audit, sessions } = this.parts;
    const { user, revoked } = await audit
      .transaction(actor, async (transaction) => {
        const { em, record } = transaction;
        const user = await em.findOne(User, id, { lockMode: LockMode.PESSIMISTIC_WRITE });
        if (!user) throw notFound('user');
        const done = await change(user, transaction);
        if (!done) return { user, revoked: [] };
        const { endsSessions, ...fact } = done;
        const revoked = endsSessions ? await sessions.revokeWithin(em, id) : [];
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
    await this.parts.cache.invalidate(...cachedOf(userId), ...sessionIds.map(cachedSession));
    this.parts.users.forget(actor, userId);
  }
}
