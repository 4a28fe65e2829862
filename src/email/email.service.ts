import type { EntityManager } from '@mikro-orm/postgresql';
import type { AccountService } from '../account/account.service.js';
import type { AuditTrail } from '../audit/audit-trail.js';
import { isRefusedBy } from '../database/constraint.js';
import { emailTaken, invalidCredentials, invalidToken } from '../errors.js';
import { emailChanged, emailVerified } from '../events/outbox.entity.js';
import { MailKind } from '../mail/mail.entity.js';
import { endMailTokens, findKnownMailOf, useMailToken } from '../mail/mail-token.js';
import { orderMail } from '../mail/order-mail.js';
import type { Passwords } from '../password/password.js';
import type { Actor, SignedInActor } from '../request/actor.js';
import type { Throttles } from '../throttle/throttles.js';
import { stillVerified } from '../user/still-verified.js';
import { OPEN_EMAIL, User } from '../user/user.entity.js';
import type { ChangeEmailInput } from '../user/user.inputs.js';

/** That an address is its user's, and another address. */
export class EmailService {
  constructor(
    private readonly em: EntityManager,
    private readonly audit: AuditTrail,
    private readonly accounts: AccountService,
    private readonly passwords: Passwords,
    private readonly throttles: Throttles,
  ) {}

  /** Orders a mail to the user's address, unless it is verified. @throws {IdentityError} RATE_LIMITED. */
  async requestVerification(actor: SignedInActor): Promise<void> {
    const { userId, client } = actor;
    await this.throttles.charge('requestEmailVerification', client, userId);
    const user = await this.em.fork().findOneOrFail(User, userId);
    if (user.emailVerified) return;
    await this.audit.transaction(actor, async ({ em, record }) => {
      orderMail(em, { userId, kind: MailKind.VERIFY_EMAIL, recipient: user.email, language: client.language });
      record({ action: 'email_verification.requested', subjectId: userId });
    });
  }

  /**
   * For an address that is verified already nothing changes, whichever of its links comes: it was clicked twice, or an
   * answer was lost.
   * @throws {IdentityError} INVALID_TOKEN, also where account or address are no longer what they were; RATE_LIMITED.
   */
  async verify(actor: Actor, token: string): Promise<User> {
    await this.throttles.charge('useLink', actor.client, token);
    const mail = await findKnownMailOf(this.em.fork(), token, MailKind.VERIFY_EMAIL);
    if (!mail) throw invalidToken();
    return this.accounts.change(actor, mail.userId, async (user, { em }) => {
      if (!user.canSignIn || user.email !== mail.recipient) throw invalidToken();
      if (user.emailVerified) return null;
      if (!(await useMailToken(em, token, mail))) throw invalidToken();
      user.emailVerified = true;
      em.persist(emailVerified(user.id));
      return { action: 'user.email_verified', actorId: user.id };
    });
  }

  /**
   * Orders a mail to the new address whether or not an open account has it, the user's own too: then the mail has no
   * user, and is never sent.
   * @throws {IdentityError} INVALID_CREDENTIALS for another password, RATE_LIMITED, SERVICE_OVERLOADED; BAD_USER_INPUT
   *   for what no password can be.
   */
  async requestChange(actor: SignedInActor, input: ChangeEmailInput): Promise<void> {
    // By session: who has stolen one keeps the owner out of no other.
    await this.throttles.charge('requestEmailChange', actor.client, actor.sessionId);
    await this.throttles.chargeMail(input.newEmail);
    await this.#requestChange(actor, input);
  }

  async #requestChange(actor: SignedInActor, { newEmail, password }: ChangeEmailInput): Promise<void> {
    const { userId, client } = actor;
    const found = await this.em.fork().findOneOrFail(User, userId, { populate: ['passwordHash'] });
    if (!(await this.passwords.verify(client, password, found.passwordHash)))
      return this.audit.recordFailureAndThrow(actor, 'email_change.failed', userId, invalidCredentials());
    const ordered = await this.audit.transaction(actor, async ({ em, record }) => {
      // Held, or a password that is changed at this moment would leave this request behind, to somebody who knew the
      // old one.
      if (!(await stillVerified(em, found))) return false;
      const [address] = await em.execute<[{ taken: boolean }]>(
        'select exists (select from users where email = ? and deleted_at is null) as taken',
        [newEmail],
      );
      orderMail(em, {
        userId: address.taken ? null : userId,
        kind: MailKind.CHANGE_EMAIL,
        recipient: newEmail,
        language: client.language,
      });
      record({ action: 'email_change.requested', subjectId: userId });
      return true;
    });
    if (!ordered) await this.#requestChange(actor, { newEmail, password });
  }

  /**
   * Makes the new address the user's, and tells the old one. Links that were sent to the old one are worth nothing;
   * sessions stand. Where it is the user's already nothing changes.
   * @throws {IdentityError} INVALID_TOKEN, or EMAIL_TAKEN if an open account has the address by now, which the index
   *   decides.
   */
  async confirmChange(actor: Actor, token: string): Promise<User> {
    await this.throttles.charge('useLink', actor.client, token);
    const mail = await findKnownMailOf(this.em.fork(), token, MailKind.CHANGE_EMAIL);
    if (!mail) throw invalidToken();
    const changing = this.accounts.change(actor, mail.userId, async (user, { em }) => {
      if (!user.canSignIn) throw invalidToken();
      if (user.email === mail.recipient && user.emailVerified) return null;
      if (!(await useMailToken(em, token, mail))) throw invalidToken();
      await endMailTokens(em, user.id, [MailKind.VERIFY_EMAIL, MailKind.RESET_PASSWORD]);
      orderMail(em, {
        userId: user.id,
        kind: MailKind.EMAIL_CHANGED,
        recipient: user.email,
        language: actor.client.language,
      });
      em.persist(emailChanged(user.id));
      user.email = mail.recipient;
      user.emailVerified = true;
      return { action: 'user.email_changed', actorId: user.id };
    });
    return changing.catch((error) => {
      throw isRefusedBy(OPEN_EMAIL, error) ? emailTaken() : error;
    });
  }
}
