import { sql } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import DataLoader from 'dataloader';
import type { Cache } from '../cache/cache.js';
import type { ReadReplicas } from '../database/read-replicas.js';
import { connectionOf } from '../paging/connection.js';
import type { Cursors } from '../paging/cursor.js';
import type { Actor } from '../request/actor.js';
import { canonicalUuid } from '../text/uuid.js';
import { MAX_COUNTED, type Total } from './user.connection.js';
import type { User } from './user.entity.js';
import { allOf, toWhere } from './user.filter.js';
import type { UserFilter, UsersArgs } from './user.inputs.js';
import { digestOf, orderName, pageQuery, pageRequest, positionOf } from './user.page.js';
import { fromRecord, RECORD_COLUMNS, type UserRecord } from './user.record.js';

const LIST = 'users';

/** PostgreSQL's answer, in its own words. */
interface Explained {
  'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }];
}

/** Reads users through the cache. */
export class UserService {
  /** One query for the users that several requests miss at the same moment. */
  readonly #stored = new DataLoader(
    async (ids: readonly string[]) => {
      const records = await this.em
        .fork()
        .execute<UserRecord[]>(sql`select ${RECORD_COLUMNS} from "users" where id in (${[...new Set(ids)]})`);
      const byId = new Map(records.map((record) => [record.id, record]));
      return ids.map((id) => byId.get(id) ?? null);
    },
    { cache: false },
  );

  constructor(
    private readonly em: EntityManager,
    private readonly cache: Cache,
    private readonly cursors: Cursors,
    private readonly replicas: ReadReplicas,
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
    const { within, order, limit } = pageQuery(request);
    const where = allOf([toWhere(args.filter), within]);
    const [records] = await this.#list('page', { ...request, filter: args.filter }, (em) =>
      em.execute<UserRecord[]>(
        sql`select ${RECORD_COLUMNS} from "users" where ${where} order by ${order} limit ${limit}`,
      ),
    );
    const cursorOf = (user: User) => this.cursors.encode(positionOf(user, request), orderName(request));
    return { ...connectionOf(records.map(fromRecord), request, cursorOf), filter: args.filter ?? null };
  }

  /** As long for ten million users as for ten thousand: more than `MAX_COUNTED` are estimated by the query planner. */
  async total(filter: UserFilter | null): Promise<Total> {
    const where = toWhere(filter);
    const [total] = await this.#list('total', { filter }, async (em) => {
      const [{ count }] = await em.execute<[{ count: number }]>(
        sql`select count(*)::int as count from (select from "users" where ${where} limit ${MAX_COUNTED + 1}) as matched`,
      );
      if (count <= MAX_COUNTED) return { count, isEstimate: false };
      const [explained] = await em.execute<[Explained]>(sql`explain (format json) select from "users" where ${where}`);
      return { count: Math.max(explained['QUERY PLAN'][0].Plan['Plan Rows'], count), isEstimate: true };
    });
    return total;
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

  #list<T>(kind: string, args: unknown, load: (em: EntityManager) => Promise<T>) {
    const key = `${LIST}:${kind}:${digestOf(args)}`;
    return this.cache.readThrough([{ key, generation: LIST }], async () => [await this.replicas.read(load)]) as Promise<
      [T]
    >;
  }

  async #read(ids: readonly string[]): Promise<(User | null)[]> {
    const records = await this.cache.readThrough<UserRecord | null>(
      ids.map((id) => ({ key: `user:${id}`, generation: `user:${id}` })),
      (missing) => Promise.all(missing.map((index) => this.#stored.load(ids[index] as string))),
    );
    return records.map((record) => record && fromRecord(record));
  }
}

/** What the cache holds of a user, to be invalidated when they have changed. */
export const cachedOf = (userId: string) => [`user:${userId}`, LIST];
