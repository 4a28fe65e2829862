import { type EntityManager, LockMode } from '@mikro-orm/core';
import type { Logger } from 'pino';
import { accountDisabled, invalidCredentials, unauthenticated } from '../errors.js';
import type { Client } from '../session/session.entity.js';
import type { OpenSession, SessionService } from '../session/session.service.js';
import { checkedName } from '../user/name.js';
import { User } from '../user/user.entity.js';
import type { UserService } from '../user/user.service.js';
import type { ChangePasswordInput, LoginInput, RegisterInput } from './auth.inputs.js';
import type { Passwords } from './password.js';
import { setPassword } from './set-password.js';

export interface SignedIn extends OpenSession {
  user: User;
}

/** Who somebody is, and the sessions that follow from it. */
export class AuthService {
  constructor(
    private readonly em: EntityManager,
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
    const user = await this.users.register(new User(email, passwordHash, name), client.language);
    return { user, ...(await this.sessions.open(user.id, client)) };
  }

  /** @throws {IdentityError} INVALID_CREDENTIALS, ACCOUNT_DISABLED, SERVICE_OVERLOADED; BAD_USER_INPUT for what no password can be. */
  async login({ email, password }: LoginInput, client: Client): Promise<SignedIn> {
    const user = await this.em.fork().findOne(User, { email, deletedAt: null }, { populate: ['passwordHash'] });
    const matches = await this.passwords.verify(password, user?.passwordHash ?? null);
    if (!user || !matches) throw invalidCredentials();
    // Only told to whoever knows the password.
    if (!user.isActive) throw accountDisabled();
    if (this.passwords.isOutdated(user.passwordHash)) await this.#rehash(user, password);
    return { user, ...(await this.sessions.open(user.id, client)) };
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
    if (!(await this.passwords.verify(input.currentPassword, found.passwordHash, 'input.currentPassword')))
      throw invalidCredentials();
    const text = this.passwords.check(input.newPassword, 'input.newPassword', wordsOf(found));
    const passwordHash = await this.passwords.hash(text);
    // One commit: whoever had the old password has neither it nor a session from here on.
    const { user, ended } = await this.em.fork().transactional(async (em) => {
      // The password may have been reset meanwhile, by somebody who wants whoever knew the old one out.
      const current = { id: userId, passwordHash: found.passwordHash };
      const user = await em.findOne(User, current, { lockMode: LockMode.PESSIMISTIC_WRITE });
      if (!user) throw invalidCredentials();
      await setPassword(em, user, passwordHash, client.language);
      return { user, ended: await this.sessions.endWithin(em, userId, { except: sessionId }) };
    });
    await this.sessions.forget(ended);
    return { user, ...(await this.sessions.renew(sessionId)) };
  }

  /** The login stands whether or not this works; and a password changed in the meantime stays as it is. */
  async #rehash({ id, passwordHash }: User, password: string): Promise<void> {
    try {
      const renewed = await this.passwords.hash(password);
      await this.em.fork().nativeUpdate(User, { id, passwordHash }, { passwordHash: renewed });
    } catch (error) {
      this.log.warn({ err: error, userId: id }, 'password hash not renewed');
    }
  }
}

/** What somebody who knows the user would try first. */
export const wordsOf = ({ email, name }: Pick<User, 'email' | 'name'>) => [email, email.split('@')[0] ?? '', name];
