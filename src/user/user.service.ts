import type { EntityManager } from '@mikro-orm/postgresql';
import DataLoader from 'dataloader';
import type { Cache } from '../cache.js';
import { connectionOf } from '../paging/connection.js';
import type { Cursors } from '../paging/cursor.js';
import type { Actor } from '../request/actor.js';
import { canonicalUuid } from '../text/uuid.js';
import { User } from './user.entity.js';
import { toWhere } from './user.filter.js';
import type { UserFilter, UsersArgs } from './user.inputs.js';
import { digestOf, orderName, pageQuery, pageRequest, positionOf } from './user.page.js';
import { fromRecord, toRecord, type UserRecord } from './user.record.js';

const LIST = 'users';

/** Reads users through the cache. */
export class UserService {
  constructor(
    private readonly em: EntityManager,
    private readonly cache: Cache,
    private readonly cursors: Cursors,
  ) {}

  /**
   * Also a closed account; null if there is none. A request reads a user once.
   * @throws {IdentityError} BAD_USER_INPUT if the id is no UUID.
   */
  async find(actor: Pick<Actor, 'memo'>, id: string): Promise<User | null> {
    return this.#loaderOf(actor).load(canonicalUuid(id));
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

  /**
   * After the commit of a change: the request reads the user anew. What the cache knows of them is invalidated by
   * `cachedOf`.
   */
  forget(actor: Actor, id: string): void {
    this.#loaderOf(actor).clear(id);
  }

  #loaderOf({ memo }: Pick<Actor, 'memo'>) {
    return memo.get(this, () => new DataLoader((ids: readonly string[]) => this.#read(ids)));
  }

  #list<T>(kind: string, args: unknown, load: () => Promise<T>) {
    const key = `${LIST}:${kind}:${digestOf(args)}`;
    return this.cache.readThrough([{ key, generation: LIST }], async () => [await load()]) as Promise<[T]>;
  }

  async #read(ids: readonly string[]): Promise<(User | null)[]> {
    const records = await this.cache.readThrough<UserRecord | null>(
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

/** What the cache holds of a user, to be invalidated when they have changed. */
export const cachedOf = (userId: string) => [`user:${userId}`, LIST];
