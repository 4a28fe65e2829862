import { UniqueConstraintViolationException } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { AuditTrail } from '../audit/audit-trail.js';
import type { Passwords } from '../auth/password.js';
import { stillVerified } from '../auth/still-verified.js';
import { emailTaken, invalidCredentials, invalidToken } from '../errors.js';
import { emailChanged, emailVerified } from '../events/outbox.entity.js';
import { type Language, Mail, MailKind } from '../mail/mail.entity.js';
import { endMailTokens, findMailOf, useMailToken } from '../mail/mail-token.js';
import { orderMail } from '../mail/order-mail.js';
import { User } from './user.entity.js';
import type { ChangeEmailInput } from './user.inputs.js';
import type { UserService } from './user.service.js';

/** That an address is its user's, and another address. */
export class EmailService {
  constructor(
    private readonly em: EntityManager,
    private readonly audit: AuditTrail,
    private readonly users: UserService,
    private readonly passwords: Passwords,
  ) {}

  /** Orders a mail to the user's address, unless it is verified. */
  async requestVerification(userId: string, language: Language): Promise<void> {
    const em = this.em.fork();
    const user = await em.findOneOrFail(User, userId);
    if (user.emailVerified) return;
    await em.transactional(async (em) => {
      orderMail(em, new Mail(userId, MailKind.VERIFY_EMAIL, user.email, language));
      await this.audit.record(em, { action: 'email_verification.requested', subjectId: userId });
    });
  }

  /** @throws {IdentityError} INVALID_TOKEN, also where account or address are no longer what they were. */
  async verify(token: string): Promise<User> {
    const mail = await findMailOf(this.em.fork(), token, MailKind.VERIFY_EMAIL);
    if (!mail) throw invalidToken();
    return this.users.change(mail.userId, async (user, em) => {
      if (!user.isOpen || user.email !== mail.recipient) throw invalidToken();
      if (!(await useMailToken(em, token, mail))) throw invalidToken();
      if (user.emailVerified) return null;
      user.emailVerified = true;
      em.persist(emailVerified(user.id));
      return { action: 'user.email_verified', actorId: user.id };
    });
  }

  /**
   * Orders a mail to the new address whether or not an open account has it, the user's own too: then it is nobody's mail, and never sent.
   * @throws {IdentityError} INVALID_CREDENTIALS for another password, SERVICE_OVERLOADED; BAD_USER_INPUT for what no password can be.
   */
  async requestChange(userId: string, { newEmail, password }: ChangeEmailInput, language: Language): Promise<void> {
    const em = this.em.fork();
    const found = await em.findOneOrFail(User, userId, { populate: ['passwordHash'] });
    if (!(await this.passwords.verify(password, found.passwordHash)))
      return this.audit.failed('email_change.failed', userId, invalidCredentials());
    const ordered = await em.fork().transactional(async (em) => {
      // Held, or a password that is changed at this moment would leave this request behind, to whoever knew the old one.
      if (!(await stillVerified(em, found))) return false;
      const [address] = await em.execute<[{ taken: boolean }]>(
        'select exists (select from users where email = ? and deleted_at is null) as taken',
        [newEmail],
      );
      orderMail(em, new Mail(address.taken ? null : userId, MailKind.CHANGE_EMAIL, newEmail, language));
      await this.audit.record(em, { action: 'email_change.requested', subjectId: userId });
      return true;
    });
    if (!ordered) await this.audit.failed('email_change.failed', userId, invalidCredentials());
  }

  /**
   * Makes the new address the user's, and tells the old one. Links that were sent to the old one are worth nothing; sessions stand.
   * @throws {IdentityError} INVALID_TOKEN, or EMAIL_TAKEN if an open account has the address by now, which the index decides.
   */
  async confirmChange(token: string, language: Language): Promise<User> {
    const mail = await findMailOf(this.em.fork(), token, MailKind.CHANGE_EMAIL);
    if (!mail) throw invalidToken();
    const changing = this.users.change(mail.userId, async (user, em) => {
      if (!user.isOpen || !(await useMailToken(em, token, mail))) throw invalidToken();
      await endMailTokens(em, user.id, [MailKind.VERIFY_EMAIL, MailKind.RESET_PASSWORD]);
      orderMail(em, new Mail(user.id, MailKind.EMAIL_CHANGED, user.email, language));
      em.persist(emailChanged(user.id));
      user.email = mail.recipient;
      user.emailVerified = true;
      return { action: 'user.email_changed', actorId: user.id };
    });
    return changing.catch((error) => {
      throw error instanceof UniqueConstraintViolationException ? emailTaken() : error;
    });
  }
}
