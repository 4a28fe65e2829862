import { createHmac, type KeyObject } from 'node:crypto';
import type { Logger } from 'pino';
import { IdentityError, rateLimited } from '../errors.js';
import { derivedKey } from '../keys/derived-key.js';
import type { Client } from '../request/actor.js';
import { networkOf } from '../text/ip-address.js';
import type { Counters } from './counters.js';
import type { Attempted, LimitName } from './limits.js';

const EVERYTHING = 'all';
const MAX_DELAY_SECONDS = 15 * 60;
const DIGEST_BYTES = 18;

/** Somebody who tries to sign in. */
export interface SignInAttempt {
  client: Client;
  email: string;
  /** The device that is known for the account with this address; null for all others. */
  deviceId: string | null;
}

/**
 * Counts attempts where their work is done, before it is. What is refused fails with RATE_LIMITED, and for an account
 * that does not exist alike (OWASP ASVS 5.0, 6.3.1 and 2.4.1).
 *
 * The network comes before the account, so one network that is over its limit uses up nothing of the account's.
 */
export class Throttles {
  readonly #key: KeyObject;

  constructor(
    private readonly counters: Counters,
    secret: string,
    private readonly log: Logger,
  ) {
    this.#key = limitKey(secret);
  }

  /**
   * Charges an attempt; `account` is what it is about: an address, a user, a session or a token.
   * @throws {IdentityError} RATE_LIMITED.
   */
  async charge(operation: Exclude<Attempted, 'login' | 'refresh'>, client: Client, account: string): Promise<void> {
    await this.#take(`${operation}.network`, networkOf(client.ipAddress));
    await this.#take(`${operation}.account`, this.#digest(account));
    await this.#take(`${operation}.total`, EVERYTHING);
  }

  /**
   * Charges a mail to an address that the client names and need not own.
   * @throws {IdentityError} RATE_LIMITED.
   */
  async chargeMail(recipient: string): Promise<void> {
    await this.#take('mail.recipient', this.#digest(recipient));
  }

  /** Charges the registration of a document. False where there were too many. */
  async allowsRegistration(client: Client): Promise<boolean> {
    try {
      await this.#take('registerDocument.network', networkOf(client.ipAddress));
      await this.#take('registerDocument.total', EVERYTHING);
      return true;
    } catch (error) {
      if (error instanceof IdentityError) return false;
      throw error;
    }
  }

  /**
   * Runs a check of a password if it may be run. From a known device only that device's attempts count, so what
   * strangers try keeps no owner out (OWASP, Slow Down Online Guessing Attacks with Device Cookies).
   * @throws {IdentityError} RATE_LIMITED, and what `check` throws.
   */
  async signIn<T>({ client, email, deviceId }: SignInAttempt, check: () => Promise<T>): Promise<T> {
    if (deviceId !== null) {
      await this.#take('login.device', deviceId);
      return check();
    }
    const network = networkOf(client.ipAddress);
    const account = this.#digest(email);
    const pair = `${account}.${network}`;
    const giveBackAccount = () => this.counters.add('login.account', account, -1);
    const giveBackFailure = () => this.counters.add('login.failures', pair, -1);
    await this.#take('login.network', network);
    await this.#delay(pair);
    await this.#take('login.account', account).catch(async (error) => {
      await giveBackFailure();
      throw error;
    });
    try {
      await this.#take('login.total', EVERYTHING);
      const result = await check();
      await Promise.all([
        giveBackAccount(),
        this.counters.remove('login.failures', pair),
        this.counters.remove('login.delay', pair),
      ]);
      return result;
    } catch (error) {
      // Only a wrong password counts, and not that the database is away.
      if (!(error instanceof IdentityError && error.code === 'INVALID_CREDENTIALS'))
        await Promise.all([giveBackAccount(), giveBackFailure()]);
      throw error;
    }
  }

  /** Lets one attempt through, then none for the delay, which doubles with each failed one. */
  async #delay(pair: string): Promise<void> {
    const { count, most } = await this.counters.add('login.failures', pair);
    if (count <= most) return;
    const seconds = Math.min(2 ** (count - most - 1), MAX_DELAY_SECONDS);
    const turn = await this.counters.add('login.delay', pair, 1, seconds);
    if (turn.count === 1) return;
    await this.counters.add('login.failures', pair, -1);
    throw rateLimited(turn.secondsLeft);
  }

  /**
   * Trades a refresh token if it may be traded. Only good tokens count for the session, for its id is no secret: who
   * knows it must not be able to keep its owner out.
   * @throws {IdentityError} RATE_LIMITED, and what `trade` throws.
   */
  async refresh<T>(client: Client, sessionId: string | null, trade: () => Promise<T>): Promise<T> {
    await this.#take('refresh.network', networkOf(client.ipAddress));
    await this.#take('refresh.total', EVERYTHING);
    if (sessionId === null) return trade();
    const session = this.#digest(sessionId);
    const { count, most, secondsLeft } = await this.counters.read('refresh.account', session);
    if (count >= most) throw rateLimited(secondsLeft);
    const result = await trade();
    await this.counters.add('refresh.account', session);
    return result;
  }

  async #take(name: LimitName, key: string): Promise<void> {
    const { count, most, secondsLeft } = await this.counters.add(name, key);
    if (count <= most) return;
    // Once a window: what comes after it is the same news.
    if (count === most + 1) this.log.warn({ limit: name, key, most, secondsLeft }, 'limit reached');
    throw rateLimited(secondsLeft);
  }

  #digest(account: string): string {
    return accountDigest(this.#key, account);
  }
}

/** The key of the digests under which accounts are counted: a dump of Redis has no addresses. */
export const limitKey = (secret: string) => derivedKey(secret, 'limits');

export const accountDigest = (key: KeyObject, account: string): string =>
  createHmac('sha256', key).update(account).digest().subarray(0, DIGEST_BYTES).toString('base64url');
