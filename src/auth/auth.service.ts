import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { AccountService } from '../account/account.service.js';
import type { AuditTrail } from '../audit/audit-trail.js';
import { isRefusedBy } from '../database/constraint.js';
import { accountDisabled, emailTaken, type IdentityError, invalidCredentials, unauthenticated } from '../errors.js';
import { userRegistered } from '../events/outbox.entity.js';
import { MailKind } from '../mail/mail.entity.js';
import { orderMail } from '../mail/order-mail.js';
import { wordsOf } from '../password/new-password.js';
import type { Passwords } from '../password/password.js';
import type { Actor, SignedInActor } from '../request/actor.js';
import { decode } from '../session/refresh-token.js';
import type { OpenSession, SessionService } from '../session/session.service.js';
import type { Throttles } from '../throttle/throttles.js';
import { checkedName } from '../user/name.js';
import { stillVerified } from '../user/still-verified.js';
import { OPEN_EMAIL, User } from '../user/user.entity.js';
import type { UserService } from '../user/user.service.js';
import type { ChangePasswordInput, LoginInput, RegisterInput } from './auth.inputs.js';
import type { DeviceTokens } from './device-tokens.js';
import { repeatable } from './repeated.js';
import { setPassword } from './set-password.js';

export interface SignedIn extends OpenSession {
  user: User;
  /** What the device keeps; not where nobody gave a password or followed a link. */
  device?: { deviceToken: string; expiresAt: Date };
}

/** Who somebody is, and the sessions that follow from it. */
export class AuthService {
  constructor(
    private readonly em: EntityManager,
    private readonly audit: AuditTrail,
    private readonly users: UserService,
    private readonly accounts: AccountService,
    private readonly sessions: SessionService,
    private readonly passwords: Passwords,
    private readonly throttles: Throttles,
    private readonly devices: DeviceTokens,
    private readonly log: Logger,
  ) {}

  /** @throws {IdentityError} BAD_USER_INPUT, WEAK_PASSWORD, EMAIL_TAKEN, RATE_LIMITED, SERVICE_OVERLOADED. */
  async register(actor: Actor, { email, password, name: givenName }: RegisterInput): Promise<SignedIn> {
    const name = checkedName(givenName);
    const text = this.passwords.check(password, 'input.password', wordsOf({ email, name }));
    await this.throttles.charge('register', actor.client, email);
    await this.throttles.chargeMail(email);
    // Hashed before the address is looked at, and outside the transaction: a taken address takes as long, and no lock
    // waits.
    const passwordHash = await this.passwords.hash(actor.client, text);
    const user = new User({ email, passwordHash, name });
    const open = await this.audit
      .transaction(actor, async (transaction) => {
        const { em, record } = transaction;
        em.persist([user, userRegistered(user.id)]);
        orderMail(em, {
          userId: user.id,
          kind: MailKind.VERIFY_EMAIL,
          recipient: user.email,
          language: actor.client.language,
        });
        record({ action: 'user.registered', actorId: user.id, subjectId: user.id });
        return this.sessions.openWithin(transaction, user.id, actor.client);
      })
      .catch((error) => {
        // The index decides who was first.
        if (!isRefusedBy(OPEN_EMAIL, error)) throw error;
        return null;
      });
    if (!open) return this.#registeredAgain(actor, { email, password, name });
    await this.accounts.invalidate(actor, user.id, open.revoked);
    return { user, ...open, device: this.devices.issue(user.id) };
  }

  /**
   * Signs in where the account with the address is just made, by the same request.
   * @throws {IdentityError} EMAIL_TAKEN for any other.
   */
  async #registeredAgain(actor: Actor, { email, password, name }: RegisterInput): Promise<SignedIn> {
    const same = { email, name, isActive: true, deletedAt: null, createdAt: { $gt: repeatable() } };
    const found = await this.em.fork().findOne(User, same, { populate: ['passwordHash'] });
    if (!found || !(await this.passwords.verify(actor.client, password, found.passwordHash)))
      throw emailTaken('input.email');
    return this.login(actor, { email, password });
  }

  /**
   * @throws {IdentityError} INVALID_CREDENTIALS, ACCOUNT_DISABLED, RATE_LIMITED, SERVICE_OVERLOADED; BAD_USER_INPUT for
   *   what no password can be.
   */
  async login(actor: Actor, { email, password, deviceToken }: LoginInput): Promise<SignedIn> {
    const deviceId = deviceToken ? await this.#knownDevice(deviceToken, email) : null;
    const attempt = { client: actor.client, email, deviceId };
    const signedIn = await this.throttles.signIn(attempt, () => this.#checkPassword(actor, { email, password }));
    return { ...signedIn, device: this.devices.issue(signedIn.user.id, deviceId ?? undefined) };
  }

  /** The id of a device whose token is of the account with this address; else null. */
  async #knownDevice(deviceToken: string, email: string): Promise<string | null> {
    const device = this.devices.read(deviceToken);
    const owner = device && (await this.#credentialsOf(email));
    return device && owner?.id === device.userId ? device.id : null;
  }

  async #checkPassword(actor: Actor, { email, password }: LoginInput): Promise<SignedIn> {
    const fail = (error: IdentityError) => this.audit.recordFailureAndThrow(actor, 'login.failed', found.id, error);
    const found = await this.#credentialsOf(email);
    const matches = await this.passwords.verify(actor.client, password, found.passwordHash);
    if (found.id === null || !matches) return fail(invalidCredentials());
    // Only told to somebody who knows the password.
    if (!found.isActive) return fail(accountDisabled());
    const renewedHash = this.passwords.isOutdated(found.passwordHash)
      ? await this.#renewed(actor, found, password)
      : null;
    const signedIn = await this.audit.transaction(actor, async (transaction) => {
      const user = await stillVerified(transaction.em, found);
      if (!user) return 'overtaken';
      if (!user.canSignIn) return null;
      // Not by the entity: the user has changed nothing.
      if (renewedHash) await transaction.em.nativeUpdate(User, user.id, { passwordHash: renewedHash });
      return { user, ...(await this.sessions.openWithin(transaction, user.id, actor.client)) };
    });
    if (signedIn === 'overtaken') return this.#checkPassword(actor, { email, password });
    if (!signedIn) return fail(invalidCredentials());
    await this.sessions.invalidate(signedIn.revoked);
    return signedIn;
  }

  /** @throws {IdentityError} UNAUTHENTICATED with the reason INVALID, EXPIRED or REVOKED; RATE_LIMITED. */
  async refresh(actor: Actor, refreshToken: string): Promise<SignedIn> {
    const sessionId = decode(refreshToken)?.sessionId ?? null;
    const open = await this.throttles.refresh(actor.client, sessionId, () =>
      this.sessions.refresh(actor, refreshToken),
    );
    const user = await this.users.find(actor, open.session.userId);
    if (!user?.canSignIn) throw unauthenticated('REVOKED');
    return { user, ...open };
  }

  /**
   * Keeps the session it is done from, with another refresh token, and ends all others. The same once more changes
   * nothing and is answered alike.
   * @throws {IdentityError} INVALID_CREDENTIALS if the current password is another, WEAK_PASSWORD, BAD_USER_INPUT,
   *   RATE_LIMITED, SERVICE_OVERLOADED.
   */
  async changePassword(actor: SignedInActor, input: ChangePasswordInput): Promise<SignedIn> {
    // By session: who has stolen one keeps the owner out of no other.
    await this.throttles.charge('changePassword', actor.client, actor.sessionId);
    return this.#changePassword(actor, input);
  }

  async #changePassword(actor: SignedInActor, input: ChangePasswordInput): Promise<SignedIn> {
    const { userId, sessionId, client } = actor;
    const found = await this.em.fork().findOneOrFail(User, userId, { populate: ['passwordHash', 'passwordChangedAt'] });
    const repeated = await this.#changedAgain(actor, found, input);
    if (repeated) return repeated;
    const matches = await this.passwords.verify(
      client,
      input.currentPassword,
      found.passwordHash,
      'input.currentPassword',
    );
    if (!matches)
      return this.audit.recordFailureAndThrow(actor, 'password_change.failed', userId, invalidCredentials());
    const text = this.passwords.check(input.newPassword, 'input.newPassword', wordsOf(found));
    const passwordHash = await this.passwords.hash(actor.client, text);
    // One commit: somebody who had the old password has neither it nor a session from here on.
    const changed = await this.audit.transaction(actor, async ({ em, record }) => {
      const user = await stillVerified(em, found);
      if (!user) return null;
      await setPassword(em, user, passwordHash, client.language);
      const revoked = await this.sessions.revokeWithin(em, userId, { except: sessionId });
      const open = await this.sessions.renewWithin(em, sessionId, client, user.passwordChangedAt as Date);
      record({ action: 'user.password_changed', subjectId: userId, details: { sessionsEnded: revoked.length } });
      return { signedIn: { user, ...open }, revoked };
    });
    if (!changed) return this.#changePassword(actor, input);
    await this.accounts.invalidate(actor, userId, changed.revoked);
    return changed.signedIn;
  }

  /** What the session was given when it changed to this very password a moment ago; null where it has not. */
  async #changedAgain(
    { sessionId, client }: SignedInActor,
    user: User,
    { newPassword }: ChangePasswordInput,
  ): Promise<SignedIn | null> {
    const { passwordChangedAt, passwordHash } = user;
    if (passwordChangedAt === null || passwordChangedAt <= repeatable()) return null;
    const open = await this.sessions.renewedBy(sessionId, passwordChangedAt);
    const isSame =
      open !== null && (await this.passwords.verify(client, newPassword, passwordHash, 'input.newPassword'));
    return isSame ? { user, ...open } : null;
  }

  /**
   * Of the open account with this address. One row of one shape also where there is none, or the time of an answer
   * would tell who is known.
   */
  async #credentialsOf(email: string): Promise<Credentials | NoCredentials> {
    const [row] = await this.em.fork().execute<[Credentials | NoCredentials]>(
      `select u.id, u.password_hash as "passwordHash", u.is_active as "isActive"
      from (select) as one left join users as u on u.email = ? and u.deleted_at is null`,
      [email],
    );
    return row;
  }

  /** The login stands whether or not this works. */
  async #renewed(
    { requestId, client }: Actor,
    { id, passwordHash }: Credentials,
    password: string,
  ): Promise<string | null> {
    try {
      return await this.passwords.renew(client, password, passwordHash);
    } catch (error) {
      this.log.warn({ err: error, requestId, userId: id }, 'password hash not renewed');
      return null;
    }
  }
}

type Credentials = Pick<User, 'id' | 'passwordHash' | 'isActive'>;
type NoCredentials = Record<keyof Credentials, null>;
