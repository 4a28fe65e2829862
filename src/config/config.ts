import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { RedisPlace } from '../cache/redis.js';
import { MAX_LENGTH, weaknessOf, wordsOf } from '../password/new-password.js';
import type { Limits } from '../throttle/limits.js';
import { type Program, type S3Prefix, SettingError } from './setting.js';
import { SETTING_NAMES, SETTINGS, type SettingName, type Values } from './settings.js';
import type { Participant, Webhook } from './webhooks.js';

export interface Config {
  /** Development brings embedded parts, Sandbox, introspection and a known admin; production refuses them all. */
  production: boolean;
  /** Where the API listens. */
  host: string;
  port: number;
  /** Processes that share the port. */
  workers: number;
  /**
   * The API's address as clients see it, without a slash at the end; issuer and audience of the access tokens, and
   * where links in mails lead.
   */
  publicUrl: string;
  /** Folder of the embedded database and of development's own keys. */
  dataDir: string;
  /** PostgreSQL; null for the embedded one. */
  databaseUrl: string | null;
  /** Its streaming replicas; null without any. */
  databaseReplicaUrls: string[] | null;
  /** null for a cache in memory. */
  redis: RedisPlace | null;
  /** RabbitMQ, each node of it; null for delivery within the API's process. */
  amqpUrls: string[] | null;
  /** Mail server; null for the development mailbox, and in production for mail that waits. May hold a password. */
  smtpUrl: string | null;
  /** Sender of every mail: an address, or a name with an address in angle brackets. */
  mailFrom: string;
  /** The one P-256 key that signs access tokens; null where they lie in `jwtKeysDir`. */
  jwtPrivateKey: KeyObject | null;
  /** Folder of the P-256 keys that sign access tokens, one after the other. */
  jwtKeysDir: string;
  /** Secret that passwords are mixed with before they are hashed; null where development makes its own. */
  passwordPepper: string | null;
  /** Fewest characters of a new password. */
  passwordMinLength: number;
  /** bcrypt's work factor: each step doubles the time of one hash. */
  bcryptCost: number;
  /** Days without a refresh after which a session ends. */
  sessionIdleDays: number;
  /** Days after which a session ends however often it is refreshed. */
  sessionMaxDays: number;
  /** Most open sessions of an account; a sign-in beyond ends the least recently used. */
  sessionsPerUser: number;
  /** Seconds for which a refresh token may be tried again while its successor is unused. */
  refreshRetrySeconds: number;
  /** Whether refresh tokens travel in a cookie that no script can read, and in no payload. */
  refreshTokenCookie: boolean;
  /** After it a statement of the API ends, and an operation begins no other field. */
  executionTimeoutSeconds: number;
  /** How often what may be tried. */
  limits: Limits;
  /** Which documents run: all; all, also by a hash that is known; or those of a manifest. */
  persistedOperations: Values['PERSISTED_OPERATIONS'];
  /** File with the documents of `trusted`. */
  operationsManifest: string | null;
  /** Whether admins may send other documents. */
  adminsSendAnything: boolean;
  /** For how long a deletion can be taken back. */
  deletionGraceSeconds: number;
  /** How often a step of a deletion is tried. */
  deletionAttempts: number;
  /** After how long it is said that a step is still owed. */
  deletionDeadlineSeconds: number;
  /** The file of who was erased; null for none. */
  deletionLedger: string | null;
  deletionWebhooks: Webhook[];
  deletionParticipants: Participant[];
  /** Whether they may lead to addresses of the own network. */
  deletionWebhooksPrivate: boolean;
  /** Where what was held about deleted users is kept, encrypted with a key of 32 bytes; null for nowhere. */
  deletionArchive: DeletionArchive | null;
  /** What clients of `/metrics` send; null for no metrics. */
  metricsToken: string | null;
  /** Whether the API serves its explorer. */
  explorer: boolean;
  /** Browser origins that may call the API from elsewhere. */
  corsOrigins: string[];
  /** Addresses and networks whose X-Forwarded-For and X-Request-Id are believed. */
  trustProxy: string[];
  /**
   * What browsers are told to use HTTPS for, for a year: nothing, the host of `publicUrl`, those below it too, and that
   * in browsers' own lists.
   */
  hsts: NonNullable<Values['HSTS']>;
  /** How long rows are kept that are over; 0 is for ever. */
  retention: Retention;
  logLevel: Values['LOG_LEVEL'];
  /** The first admin, made at the start where there is none. */
  admin: { email: string; password: string } | null;
}

export interface DeletionArchive {
  place: { folder: string } | S3Location;
  /** 32 bytes. */
  key: Uint8Array;
  /** For how long a file is kept. */
  days: number;
}

export interface S3Location extends S3Prefix {
  region: string;
  /** URL of a store that is not AWS; null for AWS. */
  endpoint: string | null;
}

/** Whole days; 0 is for ever. */
export interface Retention {
  /** From a session's end. */
  sessionsDays: number;
  /** From an event's publication, and from when it was handled. */
  eventsDays: number;
  /** From when a mail was sent or refused; where it was neither, from its order. */
  mailsDays: number;
  /** From an audit event. */
  auditDays: number;
}

/** Fewest characters of an admin's first password, outside development. */
export const ADMIN_MIN_LENGTH = 12;
/** Name of an account that is made an admin's. */
export const ADMIN_NAME = 'Admin';
export const DEVELOPMENT_ADMIN = { email: 'admin@example.com', password: 'admin1234' };

const SANDBOX = 'https://studio.apollographql.com';

/** Where browsers keep cookies from the clear network by themselves. */
const LOCAL_HOST = /^(localhost|.+\.localhost|127\..+|\[::1\])$/;

/** Every mistake of the environment at once, a line each; no line holds a value. */
export class ConfigError extends Error {
  constructor(readonly problems: string[]) {
    super(`The settings cannot be used:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

/**
 * Reads the environment, once.
 * @throws {ConfigError} with all that the program misses, and all that is malformed or too weak.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env, program: Program = 'api'): Config {
  const problems: string[] = [];
  const complain: Complain = (name, what) => void problems.push(`${name} ${what}`);
  const texts = readTexts(env, complain);
  // A misspelt "developement" must not open Sandbox and the known admin to the world.
  const production = !['development', null].includes(texts.NODE_ENV);
  const values = parseAll(texts, production, complain);
  if (production) complainOfMissing(values, program, problems);

  const publicUrl = values.PUBLIC_URL ?? `http://localhost:${values.PORT}`;
  const isHttps = publicUrl.startsWith('https:');
  const { hostname } = new URL(publicUrl);
  if (values.JWT_PRIVATE_KEY !== null && values.JWT_KEYS_DIR !== null)
    complain('JWT_PRIVATE_KEY', 'and JWT_KEYS_DIR are both given: one of them signs');
  if (values.SMTP_URL !== null && texts.MAIL_FROM === null && isIP(hostname.replace(/^\[|\]$/g, '')) !== 0)
    complain('MAIL_FROM', 'is required where PUBLIC_URL has an address in place of a name');
  if (texts.SESSION_IDLE_DAYS !== null && values.SESSION_IDLE_DAYS > values.SESSION_MAX_DAYS)
    complain('SESSION_IDLE_DAYS', 'must not be more than SESSION_MAX_DAYS');
  if (values.WORKERS > 1 && (values.DATABASE_URL === null || values.REDIS_URL === null))
    complain('WORKERS', 'must be 1 without DATABASE_URL and REDIS_URL, which is all that workers share');
  if (values.DATABASE_REPLICA_URLS !== null && values.DATABASE_URL === null)
    complain('DATABASE_REPLICA_URLS', 'needs DATABASE_URL, of which they are replicas');
  const isTrusted = values.PERSISTED_OPERATIONS === 'trusted';
  if (isTrusted && values.OPERATIONS_MANIFEST === null)
    complain('OPERATIONS_MANIFEST', 'is required while PERSISTED_OPERATIONS is trusted');
  if (!isTrusted && values.OPERATIONS_MANIFEST !== null)
    complain('OPERATIONS_MANIFEST', 'counts for nothing unless PERSISTED_OPERATIONS is trusted');
  if (!isTrusted && values.ADMINS_SEND_ANYTHING)
    complain('ADMINS_SEND_ANYTHING', 'counts for nothing unless PERSISTED_OPERATIONS is trusted');
  if ((values.HSTS ?? 'off') !== 'off' && !isHttps)
    complain('HSTS', 'must be off while PUBLIC_URL begins with http://');
  if (values.REFRESH_TOKEN_COOKIE && production && !isHttps && !LOCAL_HOST.test(hostname))
    complain(
      'REFRESH_TOKEN_COOKIE',
      'needs a PUBLIC_URL that begins with https://: the cookie would travel in the clear',
    );

  const config: Config = {
    production,
    host: values.HOST,
    port: values.PORT,
    workers: values.WORKERS,
    publicUrl,
    dataDir: values.DATA_DIR,
    databaseUrl: values.DATABASE_URL,
    databaseReplicaUrls: values.DATABASE_REPLICA_URLS,
    redis: redisPlaceOf(values, complain),
    amqpUrls: values.AMQP_URL,
    smtpUrl: values.SMTP_URL,
    mailFrom: values.MAIL_FROM ?? `Gatehouse <no-reply@${hostname}>`,
    jwtPrivateKey: values.JWT_PRIVATE_KEY,
    jwtKeysDir: values.JWT_KEYS_DIR ?? join(values.DATA_DIR, 'keys'),
    passwordPepper: values.PASSWORD_PEPPER,
    passwordMinLength: values.PASSWORD_MIN_LENGTH,
    bcryptCost: values.BCRYPT_COST,
    sessionIdleDays: Math.min(values.SESSION_IDLE_DAYS, values.SESSION_MAX_DAYS),
    sessionMaxDays: values.SESSION_MAX_DAYS,
    sessionsPerUser: values.SESSIONS_PER_USER,
    refreshRetrySeconds: values.REFRESH_RETRY_SECONDS,
    refreshTokenCookie: values.REFRESH_TOKEN_COOKIE,
    executionTimeoutSeconds: values.EXECUTION_TIMEOUT_SECONDS,
    limits: values.LIMITS,
    persistedOperations: values.PERSISTED_OPERATIONS,
    operationsManifest: values.OPERATIONS_MANIFEST,
    adminsSendAnything: values.ADMINS_SEND_ANYTHING,
    metricsToken: values.METRICS_TOKEN,
    deletionGraceSeconds: values.DELETION_GRACE,
    deletionAttempts: values.DELETION_ATTEMPTS,
    deletionDeadlineSeconds: values.DELETION_DEADLINE,
    deletionLedger: values.DELETION_LEDGER,
    deletionWebhooks: values.DELETION_WEBHOOKS,
    deletionParticipants: values.DELETION_PARTICIPANTS,
    deletionWebhooksPrivate: values.DELETION_WEBHOOKS_PRIVATE,
    deletionArchive: archiveOf(values, complain),
    explorer: values.EXPLORER ?? !production,
    corsOrigins: [...new Set([...(values.CORS_ORIGINS ?? []), ...(production ? [] : [SANDBOX])])],
    trustProxy: values.TRUST_PROXY ?? [],
    // Other hosts of the domain may have no HTTPS, so they are the operator's to name.
    hsts: values.HSTS ?? (isHttps ? 'host' : 'off'),
    retention: {
      sessionsDays: values.RETENTION_SESSIONS_DAYS,
      eventsDays: values.RETENTION_EVENTS_DAYS,
      mailsDays: values.RETENTION_MAILS_DAYS,
      auditDays: values.RETENTION_AUDIT_DAYS,
    },
    logLevel: values.LOG_LEVEL,
    admin: firstAdmin(texts, values, production, complain),
  };
  problems.push(...misspelt(env));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
}

type Texts = Record<SettingName, string | null>;
type Complain = (name: SettingName, what: string) => void;

function readTexts(env: NodeJS.ProcessEnv, complain: Complain): Texts {
  const read = (name: SettingName): string | null => {
    const file = env[`${name}_FILE`];
    if (!file) return env[name]?.trim() || null;
    if (env[name]) complain(name, `is given twice, also as ${name}_FILE`);
    try {
      return readFileSync(file, 'utf8').trim() || null;
    } catch {
      complain(name, `cannot be read: ${name}_FILE names no readable file`);
      return null;
    }
  };
  const texts = SETTING_NAMES.map((name) => {
    const text = read(name);
    // Some readers of environment files keep them. A secret may have them of itself.
    if (!text || !/^(["']).*\1$/s.test(text) || SETTINGS[name].isSecret) return [name, text];
    complain(name, 'has quotes around it: leave them out');
    return [name, null];
  });
  return Object.fromEntries(texts);
}

function parseAll(texts: Texts, production: boolean, complain: Complain): Values {
  const values = SETTING_NAMES.map((name) => {
    const { parse, fallback } = SETTINGS[name];
    const text = texts[name];
    if (text === null) return [name, fallback];
    try {
      return [name, parse(text, production)];
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      complain(name, error.message);
      return [name, fallback];
    }
  });
  return Object.fromEntries(values);
}

function complainOfMissing(values: Values, program: Program, problems: string[]): void {
  for (const name of SETTING_NAMES) {
    const { needed } = SETTINGS[name];
    const isGiven = values[name] !== null || (name === 'JWT_PRIVATE_KEY' && values.JWT_KEYS_DIR !== null);
    const isToldAlready = problems.some((problem) => problem.startsWith(`${name} `));
    if (needed?.by.includes(program) && !isGiven && !isToldAlready)
      problems.push(`${name} is required in production: ${needed.what}`);
  }
}

function redisPlaceOf(values: Values, complain: Complain): RedisPlace | null {
  const { REDIS_URL: urls, REDIS_CLUSTER: isCluster, REDIS_SENTINEL_URLS: sentinelUrls } = values;
  if (urls === null) {
    if (isCluster) complain('REDIS_CLUSTER', 'needs REDIS_URL');
    if (sentinelUrls !== null)
      complain('REDIS_SENTINEL_URLS', 'needs REDIS_URL, with the name of the primary for its host');
    return null;
  }
  const [url = ''] = urls;
  const { hostname, port, pathname } = new URL(url);
  if (isCluster) {
    if (sentinelUrls !== null)
      complain('REDIS_SENTINEL_URLS', 'and REDIS_CLUSTER are both given: sentinels watch no cluster');
    if (Number(pathname.slice(1)) > 0)
      complain('REDIS_URL', 'must not have a path while REDIS_CLUSTER is true: a cluster has one database');
    return { kind: 'cluster', urls };
  }
  if (urls.length > 1) complain('REDIS_URL', 'must be one URL unless REDIS_CLUSTER is true');
  if (sentinelUrls === null) return { kind: 'server', url };
  if (hostname === '' || port !== '')
    complain('REDIS_URL', 'must have the name of the primary for its host, and no port, with REDIS_SENTINEL_URLS');
  return { kind: 'sentinels', url, sentinelUrls };
}

function archiveOf(values: Values, complain: Complain): DeletionArchive | null {
  const { DELETION_ARCHIVE_DIR: folder, DELETION_ARCHIVE_S3: s3, AWS_REGION: region } = values;
  const { DELETION_ARCHIVE_KEY: key, DELETION_ARCHIVE_DAYS: days, AWS_ENDPOINT_URL_S3: endpoint } = values;
  if (folder !== null && s3 !== null)
    complain('DELETION_ARCHIVE_DIR', 'and DELETION_ARCHIVE_S3 are both given: one of them is the archive');
  if ((folder === null && s3 === null) !== (key === null))
    complain('DELETION_ARCHIVE_KEY', 'goes together with DELETION_ARCHIVE_DIR or DELETION_ARCHIVE_S3');
  if (s3 !== null && region === null) complain('AWS_REGION', 'is required with DELETION_ARCHIVE_S3');
  if (key === null) return null;
  if (s3 !== null && region !== null) return { place: { ...s3, region, endpoint }, key, days };
  return folder === null ? null : { place: { folder }, key, days };
}

function firstAdmin(texts: Texts, values: Values, production: boolean, complain: Complain): Config['admin'] {
  const password = values.ADMIN_PASSWORD;
  if (texts.ADMIN_EMAIL === null && password === null) return production ? null : DEVELOPMENT_ADMIN;
  if (texts.ADMIN_EMAIL === null || password === null) {
    complain('ADMIN_EMAIL', 'and ADMIN_PASSWORD go together');
    return null;
  }
  const email = values.ADMIN_EMAIL ?? '';
  const weakness = adminWeakness({ email, password }, values.PASSWORD_MIN_LENGTH, production);
  if (weakness !== null) complain('ADMIN_PASSWORD', weakness);
  return { email, password };
}

/** What is wrong with the first admin's password; null where nothing is. */
function adminWeakness(
  { email, password }: { email: string; password: string },
  passwordMinLength: number,
  production: boolean,
): string | null {
  if (!production && password === DEVELOPMENT_ADMIN.password) return null;
  const text = password.normalize('NFKC');
  if ([...text].length > MAX_LENGTH) return `must be a text of at most ${MAX_LENGTH} characters`;
  const minLength = production ? Math.max(ADMIN_MIN_LENGTH, passwordMinLength) : passwordMinLength;
  return weaknessOf(text, minLength, wordsOf({ email, name: ADMIN_NAME }));
}

/** Names that are ours but for a slip, where ours is not set: the default would be in force, and nothing would tell. */
function misspelt(env: NodeJS.ProcessEnv): string[] {
  const known = SETTING_NAMES.flatMap((name) => [name, `${name}_FILE`]);
  const unset = SETTING_NAMES.filter((name) => !env[name] && !env[`${name}_FILE`] && name.length >= 8);
  return Object.keys(env).flatMap((name) => {
    if (known.includes(name) || !env[name]) return [];
    const plain = name.replace(/_FILE$/, '');
    const meant = unset.find((setting) => isNear(plain, setting));
    return meant ? [`${name} is no setting: ${meant} is meant`] : [];
  });
}

/** One letter too many, too few, another, or two that have changed places. */
function isNear(given: string, meant: string): boolean {
  if (Math.abs(given.length - meant.length) > 1) return false;
  let same = 0;
  while (same < given.length && given[same] === meant[same]) same++;
  const [rest, wanted] = [given.slice(same), meant.slice(same)];
  return (
    rest.slice(1) === wanted ||
    rest === wanted.slice(1) ||
    rest.slice(1) === wanted.slice(1) ||
    (rest[0] === wanted[1] && rest[1] === wanted[0] && rest.slice(2) === wanted.slice(2))
  );
}
