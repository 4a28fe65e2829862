import type { EntityManager } from '@mikro-orm/core';
import DataLoader from 'dataloader';
import type { Cache } from '../cache.js';
import { Role } from './role.entity.js';

export type RoleLoader = DataLoader<string, Role>;

/** Roles by id: those that one request asks for in the same tick are one read of the cache and at most one query. */
export function roleLoader(em: EntityManager, cache: Cache): RoleLoader {
  return new DataLoader<string, Role>((ids) =>
    cache.through(
      ids.map((id) => ({ key: `role:${id}`, generation: 'roles' })),
      async (missing) => {
        const wanted = missing.map((index) => ids[index] as string);
        const roles = await em.fork().find(Role, { id: { $in: wanted } }, { fields: ['id', 'name', 'description'] });
        const byId = new Map(roles.map(({ id, name, description }) => [id, { id, name, description } as Role]));
        return wanted.map((id) => {
          const role = byId.get(id);
          if (!role) throw new Error('a user has a role that does not exist');
          return role;
        });
      },
    ),
  );
}

/** All roles, by name. */
export const allRoles = (em: EntityManager) => em.fork().find(Role, { deletedAt: null }, { orderBy: { name: 'asc' } });
