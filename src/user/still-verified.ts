import { type EntityManager, LockMode } from '@mikro-orm/core';
import { User } from './user.entity.js';

/**
 * The user with the row held until the caller's commit, or null if the hash that a password was verified against is not
 * theirs any more. Then the caller starts again: the password may have changed, or another login has renewed the hash
 * of the same one.
 */
export const stillVerified = (em: EntityManager, { id, passwordHash }: Pick<User, 'id' | 'passwordHash'>) =>
  em.findOne(User, { id, passwordHash }, { lockMode: LockMode.PESSIMISTIC_WRITE });
