import { CheckConstraintViolationException, LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import DataLoader from 'dataloader';
import type { AuditFact, AuditTrail } from '../audit/audit-trail.js';
import type { Cache } from '../cache.js';
import { lastAdmin, notFound } from '../errors.js';
import { roleChanged, userActivated, userDeactivated, userDeleted } from '../events/outbox.entity.js';
import { connectionOf } from '../paging/connection.js';
import type { Cursors } from '../paging/cursor.js';
import { cacheKey, type SessionService } from '../session/session.service.js';
import { canonicalUuid } from '../uuid.js';
import { checkedReason } from './deactivation-reason.js';
import { checkedName } from './name.js';
import { ROLE_IDS, type RoleName, roleName } from './role.entity.js';
import { LAST_ADMIN, User } from './user.entity.js';
import { toWhere } from './user.filter.js';
import type { UpdateProfileInput, UserFilter, UsersArgs } from './user.inputs.js';
import { digestOf, orderName, pageQuery, pageRequest, positionOf } from './user.page.js';
import { fromRecord, toRecord, type UserRecord } from './user.record.js';

const LIST = 'users';

type Done = Omit<AuditFact, 'subjectId'> & { endsSessions?: boolean };

/** Changes a user and says what was done, or null where nothing was. */
type Change = (user: User, em: EntityManager) => Done | null | Promise<Done | null>;

/** Reads through the cache, writes to the database; one for each request, so that a request reads a user once. */
export class UserService {
  readonly #byId = new DataLoader((ids: readonly string[]) => this.#read(ids));

  constructor(
    private readonly em: EntityManager,
    private readonly cache: Cache,
    private readonly audit: AuditTrail,
    private readonly cursors: Cursors,
    private readonly sessions: SessionService,
  ) {}

  /** Also a closed account; null if there is none. @throws {IdentityError} BAD_USER_INPUT if the id is no UUID. */
  async find(id: string): Promise<User | null> {
    return this.#byId.load(canonicalUuid(id));
  }

  /** @throws {IdentityError} BAD_USER_INPUT, as `pageRequest` and `toWhere` say. */
  async page(args: UsersArgs) {
    const request = pageRequest(args, this.cursors);
    const { where, orderBy, limit } = pageQuery(request);
    const filter = toWhere(args.filter);
    const [records] = await this.#list('page', { ...request, filter: args.filter }, async () =>
      (await this.em.fork().find(User, { $and: [filter, where] }, { orderBy, limit })).map(toRecord),
    );
    const cursorOf = (user: User) => this.cursors.encode(positionOf(user, request), orderName(request));
    return { ...connectionOf(records.map(fromRecord), request, cursorOf), filter: args.filter ?? null };
  }

  async count(filter: UserFilter | null): Promise<number> {
    const where = toWhere(filter);
    const [count] = await this.#list('count', { filter }, () => this.em.fork().count(User, where));
    return count;
  }

  /** @throws {IdentityError} BAD_USER_INPUT for a name that is none. */
  async updateProfile(id: string, { name }: UpdateProfileInput): Promise<User> {
    const checked = name === null || name === undefined ? null : checkedName(name);
    return this.change(id, (user) => {
      if (checked === null || checked === user.name) return null;
      user.name = checked;
      return { action: 'user.profile_updated' };
    });
  }

  /**
   * Changes and announces a role, once: the same one again changes nothing.
   * @throws {IdentityError} BAD_USER_INPUT, NOT_FOUND also for a closed account, or LAST_ADMIN, which the database decides.
   */
  async setRole(id: string, role: RoleName, changedBy: string): Promise<User> {
    return this.#changeOpen(id, (user, em) => {
      const from = roleName(user.roleId);
      if (from === role) return null;
      user.roleId = ROLE_IDS[role];
      em.persist(roleChanged(user.id, role, changedBy));
      return { action: 'user.role_changed', details: { from, to: role } };
    });
  }

  /**
   * Switches an account off with all its sessions and announces it, once.
   * @throws {IdentityError} BAD_USER_INPUT, NOT_FOUND also for a closed account, or LAST_ADMIN, which the database decides.
   */
  async deactivate(id: string, reason: string | null, deactivatedBy: string): Promise<User> {
    const checked = reason === null ? null : checkedReason(reason);
    return this.#changeOpen(id, (user, em) => {
      if (!user.isActive) return null;
      user.isActive = false;
      em.persist(userDeactivated(user.id, deactivatedBy));
      return { action: 'user.deactivated', endsSessions: true, details: { reason: checked } };
    });
  }

  /** @throws {IdentityError} BAD_USER_INPUT, or NOT_FOUND also for a closed account. */
  async activate(id: string, activatedBy: string): Promise<User> {
    return this.#changeOpen(id, (user, em) => {
      if (user.isActive) return null;
      user.isActive = true;
      em.persist(userActivated(user.id, activatedBy));
      return { action: 'user.activated' };
    });
  }

  /**
   * Closes an account with its sessions and announces it, once: for a closed one nothing changes.
   * @throws {IdentityError} BAD_USER_INPUT, NOT_FOUND, or LAST_ADMIN, which the database decides.
   */
  async delete(id: string, deletedBy: string): Promise<User> {
    return this.change(canonicalUuid(id), (user, em) => {
      if (user.deletedAt) return null;
      const now = new Date();
      user.close(now);
      em.persist(userDeleted(user.id, deletedBy, now));
      return { action: 'user.deleted', endsSessions: true };
    });
  }

  async #changeOpen(id: string, change: Change): Promise<User> {
    return this.change(canonicalUuid(id), (user, em) => {
      if (user.deletedAt) throw notFound('user');
      return change(user, em);
    });
  }

  /** One change of one user, with the row held until its commit and what was done recorded in it; what is cached of the user ends after it. */
  async change(id: string, change: Change): Promise<User> {
    const { user, ended } = await this.em
      .fork()
      .transactional(async (em) => {
        const user = await em.findOne(User, id, { lockMode: LockMode.PESSIMISTIC_WRITE });
        if (!user) throw notFound('user');
        const done = await change(user, em);
        if (!done) return { user, ended: [] };
        const { endsSessions, ...fact } = done;
        const ended = endsSessions ? await this.sessions.endWithin(em, id) : [];
        await this.audit.record(em, { ...fact, subjectId: id });
        return { user, ended };
      })
      .catch((error) => {
        throw isLastAdmin(error) ? lastAdmin() : error;
      });
    await this.ended(id, ended);
    return user;
  }

  /** After the commit of a change of the user, or of a new one: what the cache and this request know of it, and of sessions that ended with it, is no more. */
  async ended(id: string, sessionIds: string[] = []): Promise<void> {
    await this.cache.end(...endedBy(id), ...sessionIds.map(cacheKey));
    this.#byId.clear(id);
  }

  #list<T>(kind: string, args: unknown, load: () => Promise<T>) {
    const key = `${LIST}:${kind}:${digestOf(args)}`;
    return this.cache.through([{ key, generation: LIST }], async () => [await load()]) as Promise<[T]>;
  }

  async #read(ids: readonly string[]): Promise<(User | null)[]> {
    const records = await this.cache.through<UserRecord | null>(
      ids.map((id) => ({ key: `user:${id}`, generation: `user:${id}` })),
      async (missing) => {
        const wanted = missing.map((index) => ids[index] as string);
        const users = await this.em.fork().find(User, { id: { $in: wanted } });
        const byId = new Map(users.map((user) => [user.id, toRecord(user)]));
        return wanted.map((id) => byId.get(id) ?? null);
      },
    );
    return records.map((record) => record && fromRecord(record));
  }
}

const isLastAdmin = (error: unknown) =>
  error instanceof CheckConstraintViolationException && 'constraint' in error && error.constraint === LAST_ADMIN;

/** What the cache no longer knows when this user has changed. */
export const endedBy = (userId: string) => [`user:${userId}`, LIST];
