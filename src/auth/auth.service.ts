import { UniqueConstraintViolationException } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { AuditTrail } from '../audit/audit-trail.js';
import { accountDisabled, emailTaken, invalidCredentials, unauthenticated } from '../errors.js';
import { userRegistered } from '../events/outbox.entity.js';
import { Mail, MailKind } from '../mail/mail.entity.js';
import { orderMail } from '../mail/order-mail.js';
import type { Client } from '../session/session.entity.js';
import type { OpenSession, SessionService } from '../session/session.service.js';
import { checkedName } from '../user/name.js';
import { User } from '../user/user.entity.js';
import type { UserService } from '../user/user.service.js';
import type { ChangePasswordInput, LoginInput, RegisterInput } from './auth.inputs.js';
import type { Passwords } from './password.js';
import { setPassword } from './set-password.js';
import { stillVerified } from './still-verified.js';

export interface SignedIn extends OpenSession {
  user: User;
}

/** Who somebody is, and the sessions that follow from it. */
export class AuthService {
  constructor(
    private readonly em: EntityManager,
    private readonly audit: AuditTrail,
    private readonly users: UserService,
    private readonly sessions: SessionService,
    private readonly passwords: Passwords,
    private readonly log: Logger,
  ) {}

  /** @throws {IdentityError} BAD_USER_INPUT, WEAK_PASSWORD, EMAIL_TAKEN, SERVICE_OVERLOADED. */
  async register({ email, password, name: givenName }: RegisterInput, client: Client): Promise<SignedIn> {
    const name = checkedName(givenName);
    const text = this.passwords.check(password, 'input.password', wordsOf({ email, name }));
    // Hashed before the address is looked at, and outside the transaction: a taken address takes as long, and no lock waits.
    const passwordHash = await this.passwords.hash(text);
    const user = new User(email, passwordHash, name);
    const open = await this.em
      .fork()
      .transactional((em) => {
        em.persist([user, userRegistered(user.id)]);
        orderMail(em, new Mail(user.id, MailKind.VERIFY_EMAIL, user.email, client.language));
        const fact = { action: 'user.registered' as const, actorId: user.id, subjectId: user.id };
        return this.sessions.openWithin(em, user.id, client, fact);
      })
      .catch((error) => {
        // The index decides who was first.
        throw error instanceof UniqueConstraintViolationException ? emailTaken('input.email') : error;
      });
    await this.users.ended(user.id);
    return { user, ...open };
  }

  /** @throws {IdentityError} INVALID_CREDENTIALS, ACCOUNT_DISABLED, SERVICE_OVERLOADED; BAD_USER_INPUT for what no password can be. */
  async login({ email, password }: LoginInput, client: Client): Promise<SignedIn> {
    const found = await this.#credentialsOf(email);
    const matches = await this.passwords.verify(password, found.passwordHash);
    if (found.id === null || !matches) return this.audit.failed('login.failed', found.id, invalidCredentials());
    // Only told to whoever knows the password.
    if (!found.isActive) return this.audit.failed('login.failed', found.id, accountDisabled());
    const renewedHash = this.passwords.isOutdated(found.passwordHash) ? await this.#renewed(found.id, password) : null;
    const signedIn = await this.em.fork().transactional(async (em) => {
      const user = await stillVerified(em, found);
      if (!user?.isOpen) return null;
      // Not by the entity: the user has changed nothing.
      if (renewedHash) await em.nativeUpdate(User, user.id, { passwordHash: renewedHash });
      return { user, ...(await this.sessions.openWithin(em, user.id, client)) };
    });
    return signedIn ?? this.audit.failed('login.failed', found.id, invalidCredentials());
  }

  /** @throws {IdentityError} UNAUTHENTICATED with the reason INVALID, EXPIRED or REVOKED. */
  async refresh(refreshToken: string): Promise<SignedIn> {
    const open = await this.sessions.refresh(refreshToken);
    const user = await this.users.find(open.session.userId);
    if (!user?.isOpen) throw unauthenticated('REVOKED');
    return { user, ...open };
  }

  /**
   * Keeps the session it is done from, with another refresh token, and ends all others.
   * @throws {IdentityError} INVALID_CREDENTIALS if the current password is another, WEAK_PASSWORD, BAD_USER_INPUT, SERVICE_OVERLOADED.
   */
  async changePassword(
    userId: string,
    sessionId: string,
    input: ChangePasswordInput,
    client: Client,
  ): Promise<SignedIn> {
    const found = await this.em.fork().findOneOrFail(User, userId, { populate: ['passwordHash'] });
    const matches = await this.passwords.verify(input.currentPassword, found.passwordHash, 'input.currentPassword');
    if (!matches) return this.audit.failed('password_change.failed', userId, invalidCredentials());
    const text = this.passwords.check(input.newPassword, 'input.newPassword', wordsOf(found));
    const passwordHash = await this.passwords.hash(text);
    // One commit: whoever had the old password has neither it nor a session from here on.
    const changed = await this.em.fork().transactional(async (em) => {
      const user = await stillVerified(em, found);
      if (!user) return null;
      await setPassword(em, user, passwordHash, client.language);
      const ended = await this.sessions.endWithin(em, userId, { except: sessionId });
      const open = await this.sessions.renewWithin(em, sessionId);
      const details = { sessionsEnded: ended.length };
      await this.audit.record(em, { action: 'user.password_changed', subjectId: userId, details });
      return { signedIn: { user, ...open }, ended };
    });
    if (!changed) return this.audit.failed('password_change.failed', userId, invalidCredentials());
    await this.users.ended(userId, changed.ended);
    return changed.signedIn;
  }

  /** Of the open account with this address. One row of one shape also where there is none, or the time of an answer would tell who is known. */
  async #credentialsOf(email: string): Promise<Credentials | NoCredentials> {
    const [row] = await this.em.fork().execute<[Credentials | NoCredentials]>(
      `select u.id, u.password_hash as "passwordHash", u.is_active as "isActive"
      from (select) as one left join users as u on u.email = ? and u.deleted_at is null`,
      [email],
    );
    return row;
  }

  /** The login stands whether or not this works. */
  async #renewed(userId: string, password: string): Promise<string | null> {
    try {
      return await this.passwords.hash(password);
    } catch (error) {
      this.log.warn({ err: error, userId }, 'password hash not renewed');
      return null;
    }
  }
}

type Credentials = Pick<User, 'id' | 'passwordHash' | 'isActive'>;
type NoCredentials = Record<keyof Credentials, null>;

/** What somebody who knows the user would try first. */
export const wordsOf = ({ email, name }: Pick<User, 'email' | 'name'>) => [email, email.split('@')[0] ?? '', name];
