import { createHmac } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { compare, hash } from 'bcrypt';
import pLimit, { type LimitFunction } from 'p-limit';
import { badInput, overloaded, weakPassword } from '../errors.js';
import { isCommonPassword } from './common-passwords.js';

const MAX_LENGTH = 128;
/** Where operations take a password, unless they say otherwise. */
const PATH = 'input.password';
/** Longer, and the last in the queue would wait for half a minute. */
const MAX_WAITING = 100;
/** Marks hashes of the peppered digest; without it, a stored `$2b$` hash is of the password itself. */
const PEPPERED = 'p1';
/** As much as `BCRYPT_COST` may be. Each login of an account with more would keep a core busy for seconds. */
const MAX_COST = 15;
const MIN_COST = 4;

export const BCRYPT_RULE = `must be a bcrypt hash (2a, 2b or 2y) of 60 characters with a cost from ${MIN_COST} to ${MAX_COST}`;
/** The last characters of salt and digest hold fewer than six bits; one with others set is nobody's password. */
const BCRYPT = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]$/;

export interface PasswordRules {
  pepper: string;
  cost: number;
  minLength: number;
}

/**
 * bcrypt over base64(HMAC-SHA-384(pepper, NFKC(password))), so that all 128 characters count where bcrypt alone ends at 72 bytes,
 * and a stolen table is worth nothing without the pepper (OWASP Password Storage; ASVS 6.2.9, 11.4.2).
 */
export class Passwords {
  readonly #limit: LimitFunction = pLimit(Math.max(1, Math.min(availableParallelism(), 4)));

  constructor(private readonly rules: PasswordRules) {}

  /**
   * The normalised password, if it may be a new one; `path` is where it was given. `personal` are words of the user's own that it must not be.
   * @throws {IdentityError} WEAK_PASSWORD if it is short, common or personal; BAD_USER_INPUT if it is no text or too long.
   */
  check(password: string, path: string, personal: string[]): string {
    const text = normalise(password, path);
    const { minLength } = this.rules;
    if ([...text].length < minLength) throw weakPassword(path, `must have ${minLength} characters or more`);
    if (isCommonPassword(text)) throw weakPassword(path, 'is one of the most common ones');
    if (personal.some((word) => word.toLowerCase() === text.toLowerCase()))
      throw weakPassword(path, 'is the name or the address');
    return text;
  }

  /** @throws {IdentityError} SERVICE_OVERLOADED if too many wait already. */
  async hash(password: string): Promise<string> {
    const digest = this.#digest(normalise(password));
    return PEPPERED + (await this.#queue(() => hash(digest, this.rules.cost)));
  }

  /**
   * Whether the password belongs to the stored hash. Without one it costs the same and is false, so that nobody can tell an
   * unknown address from a wrong password by the time it takes (ASVS 6.3.8).
   * @throws {IdentityError} SERVICE_OVERLOADED if too many wait already.
   */
  async verify(password: string, stored: string | null, path = PATH): Promise<boolean> {
    const text = normalise(password, path);
    const bcryptHash = stored?.replace(PEPPERED, '') ?? nobodys(this.rules.cost);
    const input = stored === null || stored.startsWith(PEPPERED) ? this.#digest(text) : password;
    const matches = await this.#queue(async () => {
      if (await compare(input, bcryptHash)) return true;
      // A mismatch with a cheaper hash costs the rest as well: 2^c + 2^c + … + 2^(cost - 1) = 2^cost.
      for (let cost = costOf(bcryptHash); cost < this.rules.cost; cost++) await compare(input, nobodys(cost));
      return false;
    });
    return matches && stored !== null;
  }

  /** Whether the stored hash was made by older rules than today's. */
  isOutdated(stored: string): boolean {
    return !stored.startsWith(`${PEPPERED}$2b$${String(this.rules.cost).padStart(2, '0')}$`);
  }

  #digest(text: string): string {
    return createHmac('sha384', this.rules.pepper).update(text).digest('base64');
  }

  #queue<T>(work: () => Promise<T>): Promise<T> {
    if (this.#limit.pendingCount >= MAX_WAITING) throw overloaded(5);
    return this.#limit(work);
  }
}

const nobodys = (cost: number) => `$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(53)}`;
const costOf = (bcryptHash: string) => Number(bcryptHash.slice(4, 6));

/** Another system's bcrypt hash as `verify` takes it; null for what is none (`BCRYPT_RULE`). */
export function parseBcrypt(given: unknown): string | null {
  if (typeof given !== 'string') return null;
  const fits = BCRYPT.test(given) && costOf(given) >= MIN_COST && costOf(given) <= MAX_COST;
  // `$2y$` is PHP's and Apache's name for the same algorithm, which this library does not know.
  return fits ? given.replace('$2y$', '$2b$') : null;
}

function normalise(password: string, path = PATH): string {
  // Before any work: a lone surrogate would equal every other one, and a long text would cost CPU.
  if (password.length > 2 * MAX_LENGTH || !password.isWellFormed()) throw notAPassword(path);
  const text = password.normalize('NFKC');
  if ([...text].length > MAX_LENGTH) throw notAPassword(path);
  return text;
}

const notAPassword = (path: string) => badInput(path, `must be a text of at most ${MAX_LENGTH} characters`);
