import {
  CheckConstraintViolationException,
  type EntityManager,
  LockMode,
  UniqueConstraintViolationException,
} from '@mikro-orm/core';
import DataLoader from 'dataloader';
import { validate as isUuid } from 'uuid';
import type { Cache } from '../cache.js';
import { badInput, emailTaken, lastAdmin, notFound } from '../errors.js';
import { roleChanged, userDeleted, userRegistered } from '../events/outbox.entity.js';
import { type Language, Mail, MailKind } from '../mail/mail.entity.js';
import { orderMail } from '../mail/order-mail.js';
import { Session } from '../session/session.entity.js';
import type { Cursors } from './cursor.js';
import { checkedName } from './name.js';
import { ROLE_IDS, type RoleName } from './role.entity.js';
import { LAST_ADMIN, User } from './user.entity.js';
import { toWhere } from './user.filter.js';
import type { UpdateProfileInput, UserFilter, UsersArgs } from './user.inputs.js';
import { digestOf, orderName, pageQuery, pageRequest, positionOf } from './user.page.js';
import { fromRecord, toRecord, type UserRecord } from './user.record.js';

const LIST = 'users';

/** Reads through the cache, writes to the database; one for each request, so that a request reads a user once. */
export class UserService {
  readonly #byId = new DataLoader((ids: readonly string[]) => this.#read(ids));

  constructor(
    private readonly em: EntityManager,
    private readonly cache: Cache,
    private readonly cursors: Cursors,
  ) {}

  /** Also a closed account; null if there is none. @throws {IdentityError} BAD_USER_INPUT if the id is no UUID. */
  async find(id: string): Promise<User | null> {
    return this.#byId.load(canonicalId(id));
  }

  /** @throws {IdentityError} BAD_USER_INPUT, as `pageRequest` and `toWhere` say. */
  async page(args: UsersArgs) {
    const request = pageRequest(args, this.cursors);
    const { where, orderBy, limit } = pageQuery(request);
    const filter = toWhere(args.filter);
    const [records] = await this.#list('page', { ...request, filter: args.filter }, async () =>
      (await this.em.fork().find(User, { $and: [filter, where] }, { orderBy, limit })).map(toRecord),
    );
    const hasMore = records.length > request.size;
    const users = records.slice(0, request.size).map(fromRecord);
    if (request.fromEnd) users.reverse();
    // Encrypted only when asked for: most callers want one cursor of a page, or none.
    const cursorOf = (user: User) => this.cursors.encode(positionOf(user, request), orderName(request));
    const cursorAt = (index: number) => () => {
      const user = users.at(index);
      return user ? cursorOf(user) : null;
    };
    return {
      edges: users.map((node) => ({ node, cursor: () => cursorOf(node) })),
      nodes: users,
      pageInfo: {
        hasNextPage: request.fromEnd ? request.before !== null : hasMore,
        hasPreviousPage: request.fromEnd ? hasMore : request.after !== null,
        startCursor: cursorAt(0),
        endCursor: cursorAt(-1),
      },
      filter: args.filter ?? null,
    };
  }

  async count(filter: UserFilter | null): Promise<number> {
    const where = toWhere(filter);
    const [count] = await this.#list('count', { filter }, () => this.em.fork().count(User, where));
    return count;
  }

  /** Makes the user, and a mail to the address. @throws {IdentityError} EMAIL_TAKEN if an open account has the address: the index decides who was first. */
  async register(user: User, language: Language): Promise<User> {
    const em = this.em.fork();
    em.persist([user, userRegistered(user.id)]);
    orderMail(em, new Mail(user.id, MailKind.VERIFY_EMAIL, user.email, language));
    await em.flush().catch((error) => {
      throw error instanceof UniqueConstraintViolationException ? emailTaken('input.email') : error;
    });
    await this.cache.end(LIST);
    return user;
  }

  /** @throws {IdentityError} BAD_USER_INPUT for a name that is none. */
  async updateProfile(id: string, { name }: UpdateProfileInput): Promise<User> {
    const checked = name === null || name === undefined ? null : checkedName(name);
    return this.change(id, (user) => {
      if (checked !== null) user.name = checked;
    });
  }

  /**
   * Changes and announces a role, once: the same one again changes nothing.
   * @throws {IdentityError} BAD_USER_INPUT, NOT_FOUND also for a closed account, or LAST_ADMIN, which the database decides.
   */
  async setRole(id: string, role: RoleName, changedBy: string): Promise<User> {
    return this.change(canonicalId(id), (user, em) => {
      if (user.deletedAt) throw notFound('user');
      if (user.roleId === ROLE_IDS[role]) return;
      user.roleId = ROLE_IDS[role];
      em.persist(roleChanged(user.id, role, changedBy));
    });
  }

  /**
   * Closes an account with its sessions and announces it, once: for a closed one nothing changes.
   * @throws {IdentityError} BAD_USER_INPUT, NOT_FOUND, or LAST_ADMIN, which the database decides.
   */
  async delete(id: string, deletedBy: string): Promise<User> {
    return this.change(canonicalId(id), async (user, em) => {
      if (user.deletedAt) return;
      const now = new Date();
      user.close(now);
      em.persist(userDeleted(user.id, deletedBy, now));
      await em.nativeUpdate(Session, { userId: user.id, endedAt: null }, { endedAt: now });
    });
  }

  /** One change of one user, with the row held until its commit; what is cached of the user ends after it. */
  async change(id: string, change: (user: User, em: EntityManager) => void | Promise<void>): Promise<User> {
    const user = await this.em
      .fork()
      .transactional(async (em) => {
        const user = await em.findOne(User, id, { lockMode: LockMode.PESSIMISTIC_WRITE });
        if (!user) throw notFound('user');
        await change(user, em);
        return user;
      })
      .catch((error) => {
        throw isLastAdmin(error) ? lastAdmin() : error;
      });
    await this.cache.end(...endedBy(id));
    this.#byId.clear(id);
    return user;
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

function canonicalId(id: string): string {
  if (!isUuid(id)) throw badInput('id', 'must be a UUID');
  return id.toLowerCase();
}
