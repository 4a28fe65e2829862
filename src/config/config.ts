import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { privateKeyOf } from '../keys/signing-key.js';
import { MAX_LENGTH, weaknessOf, wordsOf } from '../password/new-password.js';
import { parseNetwork } from '../text/ip-address.js';
import { plainText } from '../text/plain-text.js';
import { parseEmail } from '../user/email-address.js';
import { NEEDED, type Program, SETTING_NAMES, type Setting } from './settings.js';

export interface Config {
  /** Development brings embedded parts, Sandbox, introspection and a known admin; production refuses them all. */
  production: boolean;
  /** Where the API listens. */
  host: string;
  port: number;
  /**
   * The API's address as clients see it, without a slash at the end; issuer and audience of the access tokens, and
   * where links in mails lead.
   */
  publicUrl: string;
  /** Folder of the embedded database and of development's own keys. */
  dataDir: string;
  /** PostgreSQL; null for the embedded one. */
  databaseUrl: string | null;
  /** Redis; null for a cache in memory. */
  redisUrl: string | null;
  /** RabbitMQ; null for delivery within the API's process. */
  amqpUrl: string | null;
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
  /** Browser origins that may call the API from elsewhere. */
  corsOrigins: string[];
  /** Addresses and networks whose X-Forwarded-For and X-Request-Id are believed. */
  trustProxy: string[];
  /**
   * What browsers are told to use HTTPS for, for a year: nothing, the host of `publicUrl`, those below it too, and that
   * in browsers' own lists.
   */
  hsts: (typeof HSTS_SCOPES)[number];
  /** How long rows are kept that are over; 0 is for ever. */
  retention: Retention;
  logLevel: (typeof LOG_LEVELS)[number];
  /** The first admin, made at the start where there is none. */
  admin: { email: string; password: string } | null;
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

const HSTS_SCOPES = ['off', 'host', 'subdomains', 'preload'] as const;
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
/** One address, bare or behind a name; no line break, which would be a header of its own. */
const MAIL_FROM = /^(?:([^\p{Cc}<>"@,;:]+)<([^<>]+)>|([^<>]+))$/u;
const MAX_SENDER_LENGTH = 100;
/** A mail is tried for five days, and an event may come again after as many; both are to be known then. */
const MIN_MAILS_DAYS = 7;
const MIN_EVENTS_DAYS = 7;
const MAX_RETENTION_DAYS = 3650;
const SANDBOX = 'https://studio.apollographql.com';

const SECRETS: Setting[] = ['JWT_PRIVATE_KEY', 'PASSWORD_PEPPER', 'ADMIN_PASSWORD'];
/** Where browsers keep cookies from the clear network by themselves. */
const LOCAL_HOST = /^(localhost|.+\.localhost|127\..+|\[::1\])$/;
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

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
  const complain = (name: Setting, what: string) => void problems.push(`${name} ${what}`);
  const read = (name: Setting): string | null => {
    const text = readRaw(name);
    // Some readers of environment files keep them. A secret may have them of itself.
    if (text && /^(["']).*\1$/s.test(text) && !SECRETS.includes(name)) {
      complain(name, 'has quotes around it: leave them out');
      return null;
    }
    return text;
  };
  const readRaw = (name: Setting): string | null => {
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
  const whole = (name: Setting, fallback: number, min: number, max: number): number => {
    const text = read(name);
    if (text === null) return fallback;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    complain(name, `must be a whole number from ${min} to ${max}`);
    return fallback;
  };
  const retentionDays = (name: Setting, fallback: number, min: number): number => {
    const text = read(name);
    if (text === null) return fallback;
    const value = Number(text);
    if (/^\d+$/.test(text) && (value === 0 || (value >= min && value <= MAX_RETENTION_DAYS))) return value;
    complain(name, `must be 0 (for ever) or a whole number from ${min} to ${MAX_RETENTION_DAYS}`);
    return fallback;
  };
  const url = (name: Setting, protocols: string[]): string | null => {
    const text = read(name);
    if (text === null) return null;
    const fault = faultOf(text, protocols);
    if (fault === null) return text.replace(/\/+$/, '');
    if (fault !== '') complain(name, fault);
    else complain(name, `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`);
    return null;
  };
  const list = (name: Setting): string[] =>
    (read(name) ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean);

  // A misspelt "developement" must not open Sandbox and the known admin to the world.
  const production = !['development', null].includes(read('NODE_ENV'));
  const mustHave = <T>(name: Setting, value: T, why: string): T => {
    const needed: Setting[] = NEEDED[program];
    if (
      production &&
      needed.includes(name) &&
      value === null &&
      !problems.some((problem) => problem.startsWith(`${name} `))
    ) {
      complain(name, `is required in production: ${why}`);
    }
    return value;
  };

  const port = whole('PORT', 4000, 0, 65535);
  const publicUrl =
    mustHave(
      'PUBLIC_URL',
      url('PUBLIC_URL', ['http:', 'https:']),
      'the issuer of tokens, and where links in mails lead',
    ) ?? `http://localhost:${port}`;
  const dataDir = read('DATA_DIR') ?? '.data';
  const keysDir = mustHave('JWT_KEYS_DIR', read('JWT_KEYS_DIR'), 'a folder of P-256 private keys in PEM');
  const privateKey = signingKey();
  mustHave('JWT_PRIVATE_KEY', privateKey ?? keysDir, 'a P-256 private key in PEM; or JWT_KEYS_DIR, a folder of them');
  if (privateKey !== null && keysDir !== null)
    complain('JWT_PRIVATE_KEY', 'and JWT_KEYS_DIR are both given: one of them signs');
  const passwordMinLength = whole('PASSWORD_MIN_LENGTH', 8, 8, 64);
  const maxDays = whole('SESSION_MAX_DAYS', 90, 1, 3650);
  const isHttps = publicUrl.startsWith('https:');
  const { hostname } = new URL(publicUrl);
  const smtpUrl = url('SMTP_URL', ['smtp:', 'smtps:']);
  const config: Config = {
    production,
    host: read('HOST') ?? '127.0.0.1',
    port,
    publicUrl,
    dataDir,
    databaseUrl: mustHave('DATABASE_URL', url('DATABASE_URL', ['postgres:', 'postgresql:']), 'no embedded database'),
    redisUrl: mustHave('REDIS_URL', url('REDIS_URL', ['redis:', 'rediss:']), 'no cache in memory'),
    amqpUrl: mustHave('AMQP_URL', url('AMQP_URL', ['amqp:', 'amqps:']), 'no delivery in the same process'),
    smtpUrl,
    mailFrom: mailFrom(),
    jwtPrivateKey: privateKey,
    jwtKeysDir: keysDir ?? join(dataDir, 'keys'),
    passwordPepper: mustHave('PASSWORD_PEPPER', pepper(), '32 characters or more, at random'),
    passwordMinLength,
    bcryptCost: whole('BCRYPT_COST', 12, production ? 10 : 4, 15),
    sessionIdleDays: idleDays(),
    sessionMaxDays: maxDays,
    sessionsPerUser: whole('SESSIONS_PER_USER', 30, 1, 1000),
    refreshRetrySeconds: whole('REFRESH_RETRY_SECONDS', 3_600, 10, 86_400),
    refreshTokenCookie: refreshTokenCookie(),
    corsOrigins: origins(),
    trustProxy: proxies(),
    hsts: hsts(),
    retention: {
      sessionsDays: retentionDays('RETENTION_SESSIONS_DAYS', 30, 1),
      eventsDays: retentionDays('RETENTION_EVENTS_DAYS', 30, MIN_EVENTS_DAYS),
      mailsDays: retentionDays('RETENTION_MAILS_DAYS', 30, MIN_MAILS_DAYS),
      auditDays: retentionDays('RETENTION_AUDIT_DAYS', 0, 1),
    },
    logLevel: logLevel(),
    admin: admin(),
  };
  problems.push(...misspelt(env));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);

  function mailFrom(): string {
    const text = read('MAIL_FROM');
    if (text === null) {
      if (smtpUrl !== null && isIP(hostname.replace(/^\[|\]$/g, '')) !== 0)
        complain('MAIL_FROM', 'is required where PUBLIC_URL has an address in place of a name');
      return `Gatehouse <no-reply@${hostname}>`;
    }
    const [, name, inBrackets, bare] = MAIL_FROM.exec(text) ?? [];
    try {
      const email = parseEmail(inBrackets ?? bare);
      return name === undefined ? email : `${plainText(name, MAX_SENDER_LENGTH)} <${email}>`;
    } catch {
      complain('MAIL_FROM', 'must be an address, or a visible name and an address: Gatehouse <no-reply@example.com>');
      return text;
    }
  }

  function idleDays(): number {
    const days = whole('SESSION_IDLE_DAYS', Math.min(30, maxDays), 1, 365);
    if (days > maxDays) complain('SESSION_IDLE_DAYS', 'must not be more than SESSION_MAX_DAYS');
    return days;
  }

  function hsts(): Config['hsts'] {
    const text = read('HSTS');
    const scope = HSTS_SCOPES.find((known) => known === text);
    if (text !== null && !scope) complain('HSTS', `must be one of ${HSTS_SCOPES.join(', ')}`);
    else if (scope && scope !== 'off' && !isHttps) complain('HSTS', 'must be off while PUBLIC_URL begins with http://');
    // Other hosts of the domain may have no HTTPS, so they are the operator's to name.
    return scope ?? (isHttps ? 'host' : 'off');
  }

  function signingKey(): KeyObject | null {
    const pem = read('JWT_PRIVATE_KEY');
    if (pem === null) return null;
    // An environment file cannot hold line breaks, so \n stands for them.
    const key = privateKeyOf(pem.replaceAll('\\n', '\n'));
    const why = pem.includes('PUBLIC KEY') ? ', and this is a public one' : '';
    if (key === null) complain('JWT_PRIVATE_KEY', `must be a P-256 private key in PEM${why}`);
    return key;
  }

  function pepper(): string | null {
    const text = read('PASSWORD_PEPPER');
    if (text !== null && (text.length < 32 || new Set(text).size < 8)) {
      complain('PASSWORD_PEPPER', 'must be 32 characters or more, at random');
    }
    return text;
  }

  function refreshTokenCookie(): boolean {
    const text = read('REFRESH_TOKEN_COOKIE') ?? 'false';
    if (text !== 'true' && text !== 'false') complain('REFRESH_TOKEN_COOKIE', 'must be true or false');
    if (text === 'true' && production && !isHttps && !LOCAL_HOST.test(hostname))
      complain(
        'REFRESH_TOKEN_COOKIE',
        'needs a PUBLIC_URL that begins with https://: the cookie would travel in the clear',
      );
    return text === 'true';
  }

  function origins(): string[] {
    const given = list('CORS_ORIGINS');
    for (const origin of given) {
      if (!URL.canParse(origin) || new URL(origin).origin !== origin || !/^https?:/.test(origin)) {
        complain('CORS_ORIGINS', 'must be origins with commas between, such as https://app.example.com');
      }
    }
    return [...new Set(production ? given : [...given, SANDBOX])];
  }

  function proxies(): string[] {
    const given = list('TRUST_PROXY');
    const networks = given.map(parseNetwork);
    if (networks.includes(null))
      complain('TRUST_PROXY', 'must be addresses or networks with commas between, such as 10.0.0.0/8');
    else if (networks.some((network) => network?.bits === 0))
      complain('TRUST_PROXY', 'must not be everybody: anyone could then choose the address that is recorded');
    return given;
  }

  function logLevel(): Config['logLevel'] {
    const text = read('LOG_LEVEL') ?? 'info';
    const level = LOG_LEVELS.find((known) => known === text);
    if (!level) complain('LOG_LEVEL', `must be one of ${LOG_LEVELS.join(', ')}`);
    return level ?? 'info';
  }

  function admin(): Config['admin'] {
    const email = read('ADMIN_EMAIL');
    const password = read('ADMIN_PASSWORD');
    if (email === null && password === null) return production ? null : DEVELOPMENT_ADMIN;
    if (email === null || password === null) {
      complain('ADMIN_EMAIL', 'and ADMIN_PASSWORD go together');
      return null;
    }
    const address = adminAddress(email);
    const weakness = adminWeakness(address, password);
    if (weakness !== null) complain('ADMIN_PASSWORD', weakness);
    return { email: address, password };
  }

  function adminAddress(text: string): string {
    try {
      return parseEmail(text);
    } catch (error) {
      complain('ADMIN_EMAIL', (error as Error).message);
      return '';
    }
  }

  function adminWeakness(email: string, password: string): string | null {
    if (!production && password === DEVELOPMENT_ADMIN.password) return null;
    const text = password.normalize('NFKC');
    if ([...text].length > MAX_LENGTH) return `must be a text of at most ${MAX_LENGTH} characters`;
    const minLength = production ? Math.max(ADMIN_MIN_LENGTH, passwordMinLength) : passwordMinLength;
    return weaknessOf(text, minLength, wordsOf({ email, name: ADMIN_NAME }));
  }
}

/** What keeps a text from being a URL of this kind; empty where it is none at all, null where nothing does. */
function faultOf(text: string, protocols: string[]): string | null {
  if (!URL.canParse(text) || !protocols.includes(new URL(text).protocol)) return '';
  const { protocol, hostname, username, password, pathname, search, hash, searchParams } = new URL(text);
  if (hash || text.includes('#')) return 'must not have a #: within a password it is written %23';
  if (![username, password, pathname].every(isDecodable)) return 'has a % that begins no character: write it %25';
  if (/\s/.test(text)) return 'must not have a blank';
  if (/^https?:$/.test(protocol)) {
    if (username || password) return 'must not have a user or a password';
    if (search || text.includes('?')) return 'must not have a query';
    if (hostname.endsWith('.')) return 'must not have a host that ends with a dot';
  }
  if (protocol.startsWith('redis') && !/^\/?\d*$/.test(pathname)) return 'must have a number or nothing for its path';
  if (protocol.startsWith('smtp') && !/^\/?$/.test(pathname)) return 'must not have a path';
  const sslMode = searchParams.get('sslmode');
  if (protocol.startsWith('postgres') && sslMode !== null && !SSL_MODES.includes(sslMode))
    return `must have one of ${SSL_MODES.join(', ')} for its sslmode`;
  return null;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
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
