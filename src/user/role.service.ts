import type { EntityManager } from '@mikro-orm/core';
import DataLoader from 'dataloader';
import type { Cache } from '../cache/cache.js';
import type { Actor } from '../request/actor.js';
import { Role } from './role.entity.js';

/** Reads roles through the cache. */
export class RoleService {
  constructor(
    private readonly em: EntityManager,
    private readonly cache: Cache,
  ) {}

  /** Those that one request asks for in the same tick are one read of the cache and at most one query. */
  find({ memo }: Pick<Actor, 'memo'>, id: string): Promise<Role> {
    return memo.get(this, () => new DataLoader((ids: readonly string[]) => this.#read(ids))).load(id);
  }

  /** All roles, by name. */
  all(): Promise<Role[]> {
    return this.em.fork().find(Role, { deletedAt: null }, { orderBy: { name: 'asc' } });
  }

  #read(ids: readonly string[]): Promise<Role[]> {
    return this.cache.readThrough(
      ids.map((id) => ({ key: `role:${id}`, generation: 'roles' })),
      async (missing) => {
        const wanted = missing.map((index) => ids[index] as string);
        const roles = await this.em
          .fork()
          .find(Role, { id: { $in: wanted } }, { fields: ['id', 'name', 'description'] });
        const byId = new Map(roles.map(({ id, name, description }) => [id, { id, name, description } as Role]));
        return wanted.map((id) => {
          const role = byId.get(id);
          if (!role) throw new Error('a user has a role that does not exist');
          return role;
        });
      },
    );
  }
}
