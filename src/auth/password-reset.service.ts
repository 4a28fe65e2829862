import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { AuditTrail } from '../audit/audit-trail.js';
import { invalidToken } from '../errors.js';
import { emailVerified } from '../events/outbox.entity.js';
import { type Language, Mail, MailKind } from '../mail/mail.entity.js';
import { findMailOf, useMailToken } from '../mail/mail-token.js';
import { orderMail } from '../mail/order-mail.js';
import type { Client } from '../session/session.entity.js';
import type { SessionService } from '../session/session.service.js';
import { User } from '../user/user.entity.js';
import type { UserService } from '../user/user.service.js';
import type { ResetPasswordInput } from './auth.inputs.js';
import { type SignedIn, wordsOf } from './auth.service.js';
import type { Passwords } from './password.js';
import { setPassword } from './set-password.js';

/** A new password for whoever can read the mails of an account's address. */
export class PasswordResetService {
  constructor(
    private readonly em: EntityManager,
    private readonly audit: AuditTrail,
    private readonly users: UserService,
    private readonly sessions: SessionService,
    private readonly passwords: Passwords,
  ) {}

  /** Orders a mail whether or not an account has the address, by the same statements and rows: only whoever sends it sees the difference. */
  async request(email: string, language: Language): Promise<void> {
    const em = this.em.fork();
    // A scalar subselect, for it has one row in either case.
    const [owner] = await em.execute<[{ id: string | null }]>(
      'select (select id from users where email = ? and is_active and deleted_at is null) as id',
      [email],
    );
    await em.transactional(async (em) => {
      orderMail(em, new Mail(owner.id, MailKind.RESET_PASSWORD, email, language));
      await this.audit.record(em, { action: 'password_reset.requested', subjectId: owner.id });
    });
  }

  /**
   * Sets the password, ends all sessions and opens one. What is refused does not use the token up.
   * @throws {IdentityError} INVALID_TOKEN, also where account or address are no longer what they were; WEAK_PASSWORD, BAD_USER_INPUT,
   *   SERVICE_OVERLOADED.
   */
  async reset({ token, newPassword }: ResetPasswordInput, client: Client): Promise<SignedIn> {
    const mail = await findMailOf(this.em.fork(), token, MailKind.RESET_PASSWORD);
    if (!mail) throw invalidToken();
    const owner = await this.em.fork().findOneOrFail(User, mail.userId);
    const text = this.passwords.check(newPassword, 'input.newPassword', wordsOf(owner));
    const passwordHash = await this.passwords.hash(text);
    const { user, open, ended } = await this.em.fork().transactional(async (em) => {
      const user = await em.findOne(User, mail.userId, { lockMode: LockMode.PESSIMISTIC_WRITE });
      if (!user?.isOpen || user.email !== mail.recipient) throw invalidToken();
      if (!(await useMailToken(em, token, mail))) throw invalidToken();
      await setPassword(em, user, passwordHash, client.language);
      // The link came through the mailbox.
      if (!user.emailVerified) em.persist(emailVerified(user.id));
      user.emailVerified = true;
      const ended = await this.sessions.endWithin(em, user.id);
      const details = { by: 'link', sessionsEnded: ended.length };
      const changed = { action: 'user.password_changed', actorId: user.id, subjectId: user.id, details } as const;
      return { user, ended, open: await this.sessions.openWithin(em, user.id, client, changed) };
    });
    await this.users.ended(user.id, ended);
    return { user, ...open };
  }
}
