import { createHmac } from 'node:crypto';
import { badInput, weakPassword } from '../errors.js';
import type { Client } from '../request/actor.js';
import { networkOf } from '../text/ip-address.js';
import { HashPool } from './hash-pool.js';
import { MAX_LENGTH, weaknessOf } from './new-password.js';

/**
 * Most UTF-16 units of a text that is compared, for a long one would cost CPU. Systems that users were imported from
 * have taken more than 128.
 */
const MAX_COMPARED = 4_096;
/** As much of a password as bcrypt takes. */
const BCRYPT_BYTES = 72;
/** Of more bytes, some systems have hashed only a part under this name, for they kept the length in one byte. */
const WRAPS_AFTER = 254;
const WRAPPING = '$2a$';
/** Where operations take a password, unless they say otherwise. */
const PATH = 'input.password';
/** Marks hashes of the peppered digest; without a mark, a stored `$2b$` hash is of the password itself. */
const PEPPERED = 'p1';
/**
 * Marks hashes of the peppered digest of the first 72 bytes, as typed: the renewal of an imported hash whose password
 * has as many. bcrypt has ignored what was typed after them, so a wrong end must not become part of the password.
 */
const PEPPERED_72 = 'p72';
/** As much as `BCRYPT_COST` may be. Each login of an account with more would keep a core busy for seconds. */
const MAX_COST = 15;
const MIN_COST = 4;

export const BCRYPT_RULE = `must be a bcrypt hash (2a, 2b or 2y) of 60 characters with a cost from ${MIN_COST} to ${MAX_COST}`;
/** The last characters of salt and digest hold fewer than six bits; one with others set fits no password. */
const BCRYPT = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]$/;

export interface PasswordRules {
  pepper: string;
  cost: number;
  minLength: number;
}

/**
 * bcrypt over base64(HMAC-SHA-384(pepper, NFKC(password))), so that all 128 characters count where bcrypt alone ends at
 * 72 bytes, and a stolen table is worth nothing without the pepper (OWASP Password Storage; ASVS 6.2.9, 11.4.2).
 */
export class Passwords {
  readonly #pool = new HashPool();

  constructor(private readonly rules: PasswordRules) {}

  /**
   * The normalised password, if it may be a new one; `path` is where it was given. `personal` are words of the user's
   * own that it must not be.
   * @throws {IdentityError} WEAK_PASSWORD if it is short, common or personal; BAD_USER_INPUT if it is no text or too
   *   long.
   */
  check(password: string, path: string, personal: string[]): string {
    // Before any work: a lone surrogate would equal every other one.
    if (password.length > MAX_COMPARED || !password.isWellFormed()) throw notAText(path, MAX_LENGTH);
    const text = password.normalize('NFKC');
    if ([...text].length > MAX_LENGTH) throw notAText(path, MAX_LENGTH);
    const weakness = weaknessOf(text, this.rules.minLength, personal);
    if (weakness !== null) throw weakPassword(path, weakness);
    return text;
  }

  /** @throws {IdentityError} SERVICE_OVERLOADED if too many wait already. */
  async hash(client: Client, password: string): Promise<string> {
    return this.#hashAs(PEPPERED, client, password);
  }

  /**
   * Whether the password belongs to the stored hash. Without one it costs the same and is false, so that no client can
   * tell an unknown address from a wrong password by the time it takes (ASVS 6.3.8).
   * @throws {IdentityError} SERVICE_OVERLOADED if too many wait already; BAD_USER_INPUT for what no password can be.
   */
  async verify(client: Client, password: string, stored: string | null, path = PATH): Promise<boolean> {
    if (password.length > MAX_COMPARED || !password.isWellFormed()) throw notAText(path, MAX_COMPARED);
    const { scheme, bcryptHash } = partsOf(stored ?? PEPPERED + dummyHash(this.rules.cost));
    const input = this.#input(scheme, password);
    const wrapped = bcryptHash.startsWith(WRAPPING) && scheme === '' ? bcryptHash : dummyHash(costOf(bcryptHash));
    const matches = await this.#pool.run(
      networkOf(client.ipAddress),
      async () =>
        (await this.#compare(input, bcryptHash)) || (wraps(password) && (await this.#compare(password, wrapped))),
    );
    return matches && stored !== null;
  }

  /** A mismatch with a cheaper hash costs the rest as well: 2^c + 2^c + … + 2^(cost - 1) = 2^cost. */
  #compare(input: string | Buffer, bcryptHash: string): Promise<boolean> {
    const dummies: string[] = [];
    for (let cost = costOf(bcryptHash); cost < this.rules.cost; cost++) dummies.push(dummyHash(cost));
    return this.#pool.compare(input, [bcryptHash, ...dummies]);
  }

  /** Whether the stored hash was made by older rules than today's. */
  isOutdated(stored: string): boolean {
    const { scheme, bcryptHash } = partsOf(stored);
    return scheme === '' || !bcryptHash.startsWith(`$2b$${String(this.rules.cost).padStart(2, '0')}$`);
  }

  /**
   * A hash by today's rules that the same passwords belong to as to the stored one, which this one does; null if there
   * is none.
   * @throws {IdentityError} SERVICE_OVERLOADED if too many wait already.
   */
  async renew(client: Client, password: string, stored: string): Promise<string | null> {
    const { scheme, bcryptHash } = partsOf(stored);
    const compareWhole = () => this.#pool.compare(this.#input(scheme, password), [bcryptHash]);
    if (wraps(password) && !(await this.#pool.run(networkOf(client.ipAddress), compareWhole))) return null;
    const wholeCounts = scheme === PEPPERED || Buffer.byteLength(password) < BCRYPT_BYTES;
    return this.#hashAs(wholeCounts ? PEPPERED : PEPPERED_72, client, password);
  }

  async #hashAs(scheme: typeof PEPPERED | typeof PEPPERED_72, client: Client, password: string): Promise<string> {
    const input = this.#input(scheme, password);
    const hash = () => this.#pool.hash(input, this.rules.cost);
    return scheme + (await this.#pool.run(networkOf(client.ipAddress), hash));
  }

  /** What bcrypt is given for a password. */
  #input(scheme: Scheme, password: string): string | Buffer {
    if (scheme === PEPPERED) return this.#digest(password.normalize('NFKC'));
    const counting = Buffer.from(password).subarray(0, BCRYPT_BYTES);
    return scheme === PEPPERED_72 ? this.#digest(counting) : counting;
  }

  #digest(text: string | Buffer): string {
    return createHmac('sha384', this.rules.pepper).update(text).digest('base64');
  }
}

const dummyHash = (cost: number) => `$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(53)}`;
const costOf = (bcryptHash: string) => Number(bcryptHash.slice(4, 6));

/** Another system's bcrypt hash as `verify` takes it; null for what is none (`BCRYPT_RULE`). */
export function parseBcrypt(given: unknown): string | null {
  if (typeof given !== 'string') return null;
  const fits = BCRYPT.test(given) && costOf(given) >= MIN_COST && costOf(given) <= MAX_COST;
  // `$2y$` is PHP's and Apache's name for the same algorithm, which this library does not know.
  return fits ? given.replace('$2y$', '$2b$') : null;
}

type Scheme = typeof PEPPERED | typeof PEPPERED_72 | '';

function partsOf(stored: string): { scheme: Scheme; bcryptHash: string } {
  const scheme = ([PEPPERED, PEPPERED_72] as const).find((known) => stored.startsWith(known)) ?? '';
  return { scheme, bcryptHash: stored.slice(scheme.length) };
}

/**
 * Whether systems that kept a length in one byte hashed only a part of the password. bcrypt does the same for `$2a$`
 * where it is given the whole.
 */
const wraps = (password: string) => Buffer.byteLength(password) > WRAPS_AFTER;

const notAText = (path: string, maxLength: number) =>
  badInput(path, `must be a text of at most ${maxLength} characters`);
