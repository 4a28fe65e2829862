import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { AccountService } from '../account/account.service.js';
import type { AuditTrail } from '../audit/audit-trail.js';
import { invalidToken } from '../errors.js';
import { emailVerified } from '../events/outbox.entity.js';
import { MailKind } from '../mail/mail.entity.js';
import { findMailOf, findUsedMailOf, useMailToken } from '../mail/mail-token.js';
import { orderMail } from '../mail/order-mail.js';
import { wordsOf } from '../password/new-password.js';
import type { Passwords } from '../password/password.js';
import type { Actor } from '../request/actor.js';
import type { SessionService } from '../session/session.service.js';
import type { Throttles } from '../throttle/throttles.js';
import { stillVerified } from '../user/still-verified.js';
import { User } from '../user/user.entity.js';
import type { ResetPasswordInput } from './auth.inputs.js';
import type { SignedIn } from './auth.service.js';
import type { DeviceTokens } from './device-tokens.js';
import { repeatable } from './repeated.js';
import { setPassword } from './set-password.js';

/** A new password for somebody who can read the mails of an account's address. */
export class PasswordResetService {
  constructor(
    private readonly em: EntityManager,
    private readonly audit: AuditTrail,
    private readonly accounts: AccountService,
    private readonly sessions: SessionService,
    private readonly passwords: Passwords,
    private readonly throttles: Throttles,
    private readonly devices: DeviceTokens,
  ) {}

  /**
   * Orders a mail whether or not an account has the address, by the same statements and rows: only its sender sees the
   * difference.
   * @throws {IdentityError} RATE_LIMITED.
   */
  async request(actor: Actor, email: string): Promise<void> {
    // Has a count of its own: strangers could use up that of mails, and lock the owner out.
    await this.throttles.charge('requestPasswordReset', actor.client, email);
    // A scalar subselect, for it has one row in either case.
    const [owner] = await this.em
      .fork()
      .execute<[{ id: string | null }]>(
        'select (select id from users where email = ? and is_active and deleted_at is null) as id',
        [email],
      );
    await this.audit.transaction(actor, async ({ em, record }) => {
      orderMail(em, {
        userId: owner.id,
        kind: MailKind.RESET_PASSWORD,
        recipient: email,
        language: actor.client.language,
      });
      record({ action: 'password_reset.requested', subjectId: owner.id });
    });
  }

  /**
   * Sets the password, ends all sessions and opens one. What is refused does not use the token up, and the same once
   * more only signs in.
   * @throws {IdentityError} INVALID_TOKEN, also where account or address are no longer what they were; WEAK_PASSWORD,
   *   BAD_USER_INPUT, RATE_LIMITED, SERVICE_OVERLOADED.
   */
  async reset(actor: Actor, input: ResetPasswordInput): Promise<SignedIn> {
    await this.throttles.charge('useLink', actor.client, input.token);
    const signedIn = await this.#reset(actor, input);
    return { ...signedIn, device: this.devices.issue(signedIn.user.id) };
  }

  async #reset(actor: Actor, { token, newPassword }: ResetPasswordInput): Promise<SignedIn> {
    const mail = await findMailOf(this.em.fork(), token, MailKind.RESET_PASSWORD);
    if (!mail) return this.#resetAgain(actor, { token, newPassword });
    const owner = await this.em.fork().findOneOrFail(User, mail.userId);
    const text = this.passwords.check(newPassword, 'input.newPassword', wordsOf(owner));
    const passwordHash = await this.passwords.hash(actor.client, text);
    const reset = await this.audit.transaction(actor, async (transaction) => {
      const { em, record } = transaction;
      const user = await em.findOne(User, mail.userId, { lockMode: LockMode.PESSIMISTIC_WRITE });
      if (!user?.canSignIn || user.email !== mail.recipient) throw invalidToken();
      if (!(await useMailToken(em, token, mail))) return null;
      await setPassword(em, user, passwordHash, actor.client.language);
      // The link came through the mailbox.
      if (!user.emailVerified) em.persist(emailVerified(user.id));
      user.emailVerified = true;
      const revoked = await this.sessions.revokeWithin(em, user.id);
      const details = { by: 'link', sessionsEnded: revoked.length };
      record({ action: 'user.password_changed', actorId: user.id, subjectId: user.id, details });
      return { user, revoked, open: await this.sessions.openWithin(transaction, user.id, actor.client) };
    });
    if (!reset) return this.#resetAgain(actor, { token, newPassword });
    const { user, open, revoked } = reset;
    await this.accounts.invalidate(actor, user.id, [...revoked, ...open.revoked]);
    return { user, ...open };
  }

  /**
   * Signs in where a link to this address has set this very password a moment ago.
   * @throws {IdentityError} INVALID_TOKEN for all others.
   */
  async #resetAgain(actor: Actor, { token, newPassword }: ResetPasswordInput): Promise<SignedIn> {
    const em = this.em.fork();
    const since = repeatable();
    const mail = await findUsedMailOf(em, token, MailKind.RESET_PASSWORD, since);
    if (!mail) throw invalidToken();
    const same = { id: mail.userId, email: mail.recipient, passwordChangedAt: { $gt: since } };
    const found = await em.findOne(User, same, { populate: ['passwordHash'] });
    if (!found || !(await this.passwords.verify(actor.client, newPassword, found.passwordHash, 'input.newPassword')))
      throw invalidToken();
    const signedIn = await this.audit.transaction(actor, async (transaction) => {
      const user = await stillVerified(transaction.em, found);
      if (!user?.canSignIn) throw invalidToken();
      return { user, ...(await this.sessions.openWithin(transaction, user.id, actor.client)) };
    });
    await this.sessions.invalidate(signedIn.revoked);
    return signedIn;
  }
}
