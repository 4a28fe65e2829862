import { isRecord, parseJson } from '../text/json.js';

/** How often something may be done within a time, which begins with the first. */
export interface Limit {
  most: number;
  seconds: number;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * Attempts, by operation and by what is counted: `account` is an account, an address, a session or a token; `network`
 * an IPv4 address or an IPv6 /64; `total` everything. `LIMITS` replaces single values.
 */
export const LIMITS = {
  login: {
    /** Failed ones, from devices that are not known. NIST SP 800-63B-4, 3.2.2: at most 100 in a row. */
    account: { most: 100, seconds: HOUR },
    /** All, from a device that has signed in to the account before. No other limit counts for it. */
    device: { most: 30, seconds: HOUR },
    network: { most: 300, seconds: 10 * MINUTE },
    total: { most: 20_000, seconds: 10 * MINUTE },
    /**
     * Failed ones of one network for one account. Beyond `most`, each has to wait twice as long as the one before,
     * up to 15 minutes.
     */
    failures: { most: 5, seconds: DAY },
  },
  register: {
    account: { most: 10, seconds: HOUR },
    network: { most: 60, seconds: HOUR },
    total: { most: 10_000, seconds: HOUR },
  },
  refresh: {
    account: { most: 120, seconds: 10 * MINUTE },
    network: { most: 6_000, seconds: 10 * MINUTE },
    total: { most: 600_000, seconds: 10 * MINUTE },
  },
  requestPasswordReset: {
    account: { most: 5, seconds: HOUR },
    network: { most: 60, seconds: HOUR },
    total: { most: 10_000, seconds: HOUR },
  },
  requestEmailVerification: {
    account: { most: 5, seconds: HOUR },
    network: { most: 60, seconds: HOUR },
    total: { most: 10_000, seconds: HOUR },
  },
  requestEmailChange: {
    account: { most: 10, seconds: HOUR },
    network: { most: 60, seconds: HOUR },
    total: { most: 10_000, seconds: HOUR },
  },
  changePassword: {
    account: { most: 10, seconds: HOUR },
    network: { most: 60, seconds: HOUR },
    total: { most: 10_000, seconds: HOUR },
  },
  /** Of the own account, confirmed with a password. */
  deleteUser: {
    account: { most: 10, seconds: HOUR },
    network: { most: 60, seconds: HOUR },
    total: { most: 10_000, seconds: HOUR },
  },
  /** `resetPassword`, `verifyEmail` and `confirmEmailChange`. */
  useLink: {
    account: { most: 20, seconds: HOUR },
    network: { most: 100, seconds: HOUR },
    total: { most: 20_000, seconds: HOUR },
  },
  /** Documents that clients send with their hash, to be sent by it. What is refused is run, and not kept. */
  registerDocument: {
    network: { most: 200, seconds: HOUR },
    total: { most: 2_000, seconds: HOUR },
  },
  /**
   * Mails to an address that the client names and need not own: those of `register` and `requestEmailChange`. Links for a
   * new password and for verification have their own counts: strangers must not use those up.
   */
  mail: {
    recipient: { most: 10, seconds: HOUR },
  },
} satisfies Record<string, Record<string, Limit>>;

type Table = typeof LIMITS;
export type Operation = keyof Table;
/** Operations that anybody or any signed-in user may try. */
export type Attempted = Exclude<Operation, 'mail' | 'registerDocument'>;
export type Limits = { [O in Operation]: { [S in keyof Table[O]]: Limit } };
/** `login.network` and so on. */
export type LimitName = { [O in Operation]: `${O}.${keyof Table[O] & string}` }[Operation];

const MAX_COUNT = 1_000_000_000;
/** A timer of Node.js, by which counts in memory end, has no more milliseconds than 2^31 - 1. */
const MAX_SECONDS = 24 * DAY;

/**
 * The limits with those of a JSON text in the place of ours, such as `{"login":{"network":{"most":1000}}}`.
 * @throws {TypeError} with what is wrong, and where.
 */
export function parseLimits(text: string): Limits {
  const limits: Record<string, Record<string, Limit>> = structuredClone(LIMITS);
  for (const [operation, scopes] of entriesOf(parseJson(text), '', Object.keys(limits))) {
    const known = limits[operation] as Record<string, Limit>;
    for (const [scope, given] of entriesOf(scopes, operation, Object.keys(known))) {
      const limit = known[scope] as Limit;
      const at = `${operation}.${scope}`;
      for (const [field, value] of entriesOf(given, at, ['most', 'seconds'])) {
        const max = field === 'most' ? MAX_COUNT : MAX_SECONDS;
        if (!Number.isInteger(value) || Number(value) < 1 || Number(value) > max)
          throw new TypeError(`must have a whole number from 1 to ${max} for ${at}.${field}`);
        limit[field as keyof Limit] = Number(value);
      }
    }
  }
  return limits as unknown as Limits;
}

function entriesOf(value: unknown, at: string, known: string[]): [string, unknown][] {
  if (!isRecord(value)) throw new TypeError(`must have a JSON object${at && ` for ${at}`}`);
  if (!Object.keys(value).every((name) => known.includes(name)))
    throw new TypeError(`must have no other names${at && ` in ${at}`} than ${known.join(', ')}`);
  return Object.entries(value);
}

export const LIMIT_NAMES = Object.entries(LIMITS).flatMap(([operation, scopes]) =>
  Object.keys(scopes).map((scope) => `${operation}.${scope}`),
) as LimitName[];

export function limitOf(limits: Limits, name: LimitName): Limit {
  const [operation = '', scope = ''] = name.split('.');
  return (limits as Record<string, Record<string, Limit>>)[operation]?.[scope] as Limit;
}
