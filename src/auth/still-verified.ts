import { type EntityManager, LockMode } from '@mikro-orm/core';
import { User } from '../user/user.entity.js';

/** The user with the row held until the caller's commit, or null if the hash that a password was verified against is not theirs any more. */
export const stillVerified = (em: EntityManager, { id, passwordHash }: Pick<User, 'id' | 'passwordHash'>) =>
  em.findOne(User, { id, passwordHash }, { lockMode: LockMode.PESSIMISTIC_WRITE });
