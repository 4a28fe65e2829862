import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { isCommonPassword } from './auth/common-passwords.js';
import { privateKeyOf } from './auth/signing-key.js';

export interface Config {
  /** Development brings embedded parts, Sandbox, introspection and a known admin; production refuses them all. */
  production: boolean;
  /** Where the API listens. */
  host: string;
  port: number;
  /** The API's address as clients see it, without a slash at the end; issuer and audience of the access tokens, and where links in mails lead. */
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
  /** Browser origins that may call the API from elsewhere. */
  corsOrigins: string[];
  /** Addresses and networks whose X-Forwarded-For and X-Request-Id are believed. */
  trustProxy: string[];
  logLevel: (typeof LOG_LEVELS)[number];
  /** The first admin, made at the start where there is none. */
  admin: { email: string; password: string } | null;
}

/** Every setting, in the order of `.env.example`. Each may also be given as NAME_FILE, the path of a file that holds it. */
export const SETTINGS = [
  'NODE_ENV',
  'HOST',
  'PORT',
  'PUBLIC_URL',
  'DATA_DIR',
  'DATABASE_URL',
  'REDIS_URL',
  'AMQP_URL',
  'SMTP_URL',
  'MAIL_FROM',
  'JWT_PRIVATE_KEY',
  'JWT_KEYS_DIR',
  'PASSWORD_PEPPER',
  'PASSWORD_MIN_LENGTH',
  'BCRYPT_COST',
  'SESSION_IDLE_DAYS',
  'SESSION_MAX_DAYS',
  'CORS_ORIGINS',
  'TRUST_PROXY',
  'LOG_LEVEL',
  'ADMIN_EMAIL',
  'ADMIN_PASSWORD',
] as const;
type Setting = (typeof SETTINGS)[number];

/** What each program cannot do without in production: a consumer holds no key that signs tokens. */
const NEEDED = {
  api: ['PUBLIC_URL', 'DATABASE_URL', 'REDIS_URL', 'AMQP_URL', 'JWT_PRIVATE_KEY', 'PASSWORD_PEPPER'],
  consumer: ['PUBLIC_URL', 'DATABASE_URL', 'AMQP_URL'],
  migrate: ['DATABASE_URL'],
  'admin:create': ['DATABASE_URL', 'PASSWORD_PEPPER'],
  'users:import': ['DATABASE_URL'],
  'keys:rotate': ['JWT_KEYS_DIR'],
} satisfies Record<string, Setting[]>;
export type Program = keyof typeof NEEDED;

export const DEVELOPMENT_ADMIN = { email: 'admin@example.com', password: 'admin1234' };

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
/** One address, bare or behind a name; no line break, which would be a header of its own. */
const MAIL_FROM = /^(?:[^\p{Cc}<>"@,;:]+<[^\p{Cc}\s<>"@,;:]+@[\w.-]+>|[^\p{Cc}\s<>"@,;:]+@[\w.-]+)$/u;
const SANDBOX = 'https://studio.apollographql.com';

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
  const url = (name: Setting, protocols: string[]): string | null => {
    const text = read(name);
    if (text === null) return null;
    if (URL.canParse(text) && protocols.includes(new URL(text).protocol)) return text.replace(/\/+$/, '');
    complain(name, `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`);
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
  const config: Config = {
    production,
    host: read('HOST') ?? '127.0.0.1',
    port,
    publicUrl,
    dataDir,
    databaseUrl: mustHave('DATABASE_URL', url('DATABASE_URL', ['postgres:', 'postgresql:']), 'no embedded database'),
    redisUrl: mustHave('REDIS_URL', url('REDIS_URL', ['redis:', 'rediss:']), 'no cache in memory'),
    amqpUrl: mustHave('AMQP_URL', url('AMQP_URL', ['amqp:', 'amqps:']), 'no delivery in the same process'),
    smtpUrl: url('SMTP_URL', ['smtp:', 'smtps:']),
    mailFrom: mailFrom(),
    jwtPrivateKey: privateKey,
    jwtKeysDir: keysDir ?? join(dataDir, 'keys'),
    passwordPepper: mustHave('PASSWORD_PEPPER', pepper(), '32 characters or more, at random'),
    passwordMinLength: whole('PASSWORD_MIN_LENGTH', 8, 8, 64),
    bcryptCost: whole('BCRYPT_COST', 12, production ? 10 : 4, 15),
    sessionIdleDays: whole('SESSION_IDLE_DAYS', 30, 1, 365),
    sessionMaxDays: whole('SESSION_MAX_DAYS', 90, 1, 3650),
    corsOrigins: origins(),
    trustProxy: proxies(),
    logLevel: logLevel(),
    admin: admin(),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);

  function mailFrom(): string {
    const text = read('MAIL_FROM');
    if (text !== null && !MAIL_FROM.test(text)) {
      complain('MAIL_FROM', 'must be an address, or a name and an address: Gatehouse <no-reply@example.com>');
    }
    return text ?? `Gatehouse <no-reply@${new URL(publicUrl).hostname}>`;
  }

  function signingKey(): KeyObject | null {
    const pem = read('JWT_PRIVATE_KEY');
    if (pem === null) return null;
    // An environment file cannot hold line breaks, so \n stands for them.
    const key = privateKeyOf(pem.replaceAll('\\n', '\n'));
    if (key === null) complain('JWT_PRIVATE_KEY', 'must be a P-256 private key in PEM');
    return key;
  }

  function pepper(): string | null {
    const text = read('PASSWORD_PEPPER');
    if (text !== null && (text.length < 32 || new Set(text).size < 8)) {
      complain('PASSWORD_PEPPER', 'must be 32 characters or more, at random');
    }
    return text;
  }

  function origins(): string[] {
    const given = list('CORS_ORIGINS');
    for (const origin of given) {
      if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
        complain('CORS_ORIGINS', 'must be origins with commas between, such as https://app.example.com');
      }
    }
    return production ? given : [...given, SANDBOX];
  }

  function proxies(): string[] {
    const given = list('TRUST_PROXY');
    if (!given.every(isNetwork))
      complain('TRUST_PROXY', 'must be addresses or networks with commas between, such as 10.0.0.0/8');
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
    if (email === null || password === null) complain('ADMIN_EMAIL', 'and ADMIN_PASSWORD go together');
    else if (production && (password.length < 12 || isCommonPassword(password))) {
      complain('ADMIN_PASSWORD', 'must be 12 characters or more and not a common password');
    }
    return { email: email ?? '', password: password ?? '' };
  }
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
