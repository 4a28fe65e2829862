import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { NIL } from 'uuid';
import type { AuditTrail } from '../audit/audit-trail.js';
import { ADMIN_NAME } from '../config/config.js';
import { isRefusedBy } from '../database/constraint.js';
import { roleChanged, userRegistered } from '../events/outbox.entity.js';
import type { Passwords } from '../password/password.js';
import { COMMAND } from '../request/actor.js';
import { parseEmail } from '../user/email-address.js';
import { ROLE_IDS, RoleName } from '../user/role.entity.js';
import { OPEN_EMAIL, User } from '../user/user.entity.js';

interface Credentials {
  email: string;
  password: string;
}

export const hasAdmin = async (em: EntityManager) =>
  (await em.fork().count(User, { roleId: ROLE_IDS[RoleName.ADMIN], isActive: true, deletedAt: null })) > 0;

/** Makes an admin. @throws {Error} if the address is none, or is taken by an open account. */
export async function createAdmin(audit: AuditTrail, passwords: Passwords, credentials: Credentials): Promise<User> {
  const email = addressOf(credentials.email);
  const admin = new User({
    email,
    passwordHash: await passwords.hash(COMMAND.client, credentials.password),
    name: ADMIN_NAME,
    role: RoleName.ADMIN,
  });
  await audit
    .transaction(COMMAND, async ({ em, record }) => {
      em.persist([admin, userRegistered(admin.id)]);
      record({ action: 'user.registered', subjectId: admin.id, details: { role: RoleName.ADMIN } });
    })
    .catch((error) => {
      throw isRefusedBy(OPEN_EMAIL, error) ? new AddressTaken() : error;
    });
  return admin;
}

export class AddressTaken extends Error {
  constructor() {
    super(
      'There is an open account with this e-mail address. To make an admin of it: npm run admin:promote -- ADDRESS',
    );
  }
}

/**
 * Makes an admin of the open account with the address, recorded and announced; of one that is an admin, nothing.
 * @throws {Error} if the address is none, or has no account that can sign in.
 */
export async function promoteToAdmin(audit: AuditTrail, address: string) {
  const email = addressOf(address);
  return audit.transaction(COMMAND, async ({ em, record }) => {
    const user = await em.findOne(User, { email, deletedAt: null }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (!user)
      throw new Error(
        `${(await em.count(User, { email })) > 0 ? CLOSED : 'There is no account'} with this e-mail address.`,
      );
    if (!user.isActive) throw new Error('The account is switched off. Another admin can activate it first.');
    const from = user.roleName;
    if (from === RoleName.ADMIN) return { id: user.id, isNew: false };
    user.roleId = ROLE_IDS[RoleName.ADMIN];
    em.persist(roleChanged(user.id, RoleName.ADMIN, NIL));
    record({ action: 'user.role_changed', subjectId: user.id, details: { from, to: RoleName.ADMIN } });
    return { id: user.id, isNew: true };
  });
}

const CLOSED = 'There is only a closed account';

/**
 * Makes the first admin where there is none. Of processes that start together one makes it.
 * @throws {Error} that says what to do.
 */
export async function ensureAdmin(
  em: EntityManager,
  audit: AuditTrail,
  passwords: Passwords,
  credentials: Credentials,
): Promise<boolean> {
  if (await hasAdmin(em)) return false;
  try {
    await createAdmin(audit, passwords, credentials);
    return true;
  } catch (error) {
    if (!(error instanceof AddressTaken)) throw error;
    if (await hasAdmin(em)) return false;
    // Not made an admin of its own accord: anybody can have registered the address before.
    throw new Error(
      'There is no admin, and ADMIN_EMAIL is the address of a member. To make an admin of them: npm run admin:promote -- ADDRESS. Or set another ADMIN_EMAIL.',
    );
  }
}

function addressOf(text: string): string {
  try {
    return parseEmail(text);
  } catch (error) {
    throw new Error(`The address ${(error as Error).message}.`);
  }
}
