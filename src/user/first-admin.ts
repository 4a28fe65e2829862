import { UniqueConstraintViolationException } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { AuditTrail } from '../audit/audit-trail.js';
import type { Passwords } from '../auth/password.js';
import { userRegistered } from '../events/outbox.entity.js';
import { parseEmail } from './email-address.js';
import { ROLE_IDS, RoleName } from './role.entity.js';
import { User } from './user.entity.js';

interface Credentials {
  email: string;
  password: string;
}

export const hasAdmin = async (em: EntityManager) =>
  (await em.fork().count(User, { roleId: ROLE_IDS[RoleName.ADMIN], isActive: true, deletedAt: null })) > 0;

/** Makes an admin. @throws {Error} if the address is none, or is taken by an open account. */
export async function createAdmin(
  em: EntityManager,
  audit: AuditTrail,
  passwords: Passwords,
  credentials: Credentials,
): Promise<User> {
  const admin = new User(
    parseEmail(credentials.email),
    await passwords.hash(credentials.password),
    'Admin',
    RoleName.ADMIN,
  );
  await em
    .fork()
    .transactional((em) => {
      em.persist([admin, userRegistered(admin.id)]);
      return audit.record(em, { action: 'user.registered', subjectId: admin.id, details: { role: RoleName.ADMIN } });
    })
    .catch((error) => {
      throw error instanceof UniqueConstraintViolationException ? new AddressTaken() : error;
    });
  return admin;
}

export class AddressTaken extends Error {
  constructor() {
    super('There is an open account with this e-mail address.');
  }
}

/** Makes the first admin where there is none. Of processes that start together one makes it. */
export async function ensureAdmin(
  em: EntityManager,
  audit: AuditTrail,
  passwords: Passwords,
  credentials: Credentials,
): Promise<boolean> {
  if (await hasAdmin(em)) return false;
  try {
    await createAdmin(em, audit, passwords, credentials);
    return true;
  } catch (error) {
    if (error instanceof AddressTaken && (await hasAdmin(em))) return false;
    throw error;
  }
}
