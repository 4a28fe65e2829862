import type { EntityManager } from '@mikro-orm/core';
import type { Logger } from 'pino';
import { accountDisabled, badInput, invalidCredentials } from '../errors.js';
import { NAME_RULE, parseName } from '../user/name.js';
import { User } from '../user/user.entity.js';
import type { UserService } from '../user/user.service.js';
import type { LoginInput, RegisterInput } from './auth.inputs.js';
import type { Passwords } from './password.js';

export class AuthService {
  constructor(
    private readonly em: EntityManager,
    private readonly users: UserService,
    private readonly passwords: Passwords,
    private readonly log: Logger,
  ) {}

  /** @throws {IdentityError} BAD_USER_INPUT, WEAK_PASSWORD, EMAIL_TAKEN, SERVICE_OVERLOADED. */
  async register({ email, password, name: givenName }: RegisterInput): Promise<User> {
    const name = parseName(givenName);
    if (name === null) throw badInput('input.name', NAME_RULE);
    const text = this.passwords.check(password, [email, email.split('@')[0] ?? '', name]);
    // Hashed before the address is looked at, and outside the transaction: a taken address takes as long, and no lock waits.
    const passwordHash = await this.passwords.hash(text);
    return this.users.register(new User(email, passwordHash, name));
  }

  /** @throws {IdentityError} INVALID_CREDENTIALS, ACCOUNT_DISABLED, SERVICE_OVERLOADED; BAD_USER_INPUT for what no password can be. */
  async login({ email, password }: LoginInput): Promise<User> {
    const user = await this.em.fork().findOne(User, { email, deletedAt: null }, { populate: ['passwordHash'] });
    const matches = await this.passwords.verify(password, user?.passwordHash ?? null);
    if (!user || !matches) throw invalidCredentials();
    // Only told to whoever knows the password.
    if (!user.isActive) throw accountDisabled();
    if (this.passwords.isOutdated(user.passwordHash)) await this.#rehash(user, password);
    return user;
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
