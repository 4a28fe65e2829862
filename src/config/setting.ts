import type { KeyObject } from 'node:crypto';
import { privateKeyOf } from '../keys/signing-key.js';
import { parseNetwork } from '../text/ip-address.js';
import { plainText } from '../text/plain-text.js';
import { type Limits, parseLimits } from '../throttle/limits.js';
import { parseEmail } from '../user/email-address.js';

import { type Participant, parseParticipants, parseWebhooks, type Webhook } from './webhooks.js';

/** What is wrong with a value. It is said behind the name of the setting, and never holds the value. */
export class SettingError extends Error {}

/** Programs that read settings. */
export const PROGRAMS = [
  'api',
  'consumer',
  'migrate',
  'admin:create',
  'admin:promote',
  'users:import',
  'audit:verify',
  'retention:run',
  'keys:rotate',
  'limits:show',
  'limits:reset',
  'deletions:retry',
  'deletions:replay',
  'events:replay',
] as const;
export type Program = (typeof PROGRAMS)[number];

/**
 * Reads a text that is not empty.
 * @throws {SettingError}
 */
type Parser<T> = (text: string, production: boolean) => T;

interface About {
  /** One sentence or two for `docs/settings.md`. */
  description: string;
  /** What is used without a value, in words, where it is not the same for everybody. */
  default?: string;
  /** The programs that need it in production, and what they need. */
  needed?: { by: readonly Program[]; what: string };
  /** Whether its value is a secret, which may begin and end with quotes of its own. */
  isSecret?: true;
}

/** A setting: how it is read, what is used without it, and who needs it. */
export interface Setting<T, Fallback extends T | null = T | null> extends About {
  parse: Parser<T>;
  fallback: Fallback;
}

export const setting = <T, Fallback extends T | null>(
  parse: Parser<T>,
  fallback: Fallback,
  about: About,
): Setting<T, Fallback> => ({ parse, fallback, ...about });

export const text: Parser<string> = (given) => given;

/** A whole number; in production its least value may be another one. */
export const whole =
  (min: number, max: number, minInProduction = min): Parser<number> =>
  (given, production) => {
    const [least, value] = [production ? minInProduction : min, Number(given)];
    if (/^\d+$/.test(given) && value >= least && value <= max) return value;
    throw new SettingError(`must be a whole number from ${least} to ${max}`);
  };

const MAX_DAYS = 3650;

/** Days for which rows are kept; 0 is for ever. */
export const daysKept =
  (min: number): Parser<number> =>
  (given) => {
    const value = Number(given);
    if (/^\d+$/.test(given) && (value === 0 || (value >= min && value <= MAX_DAYS))) return value;
    throw new SettingError(`must be 0 (for ever) or a whole number from ${min} to ${MAX_DAYS}`);
  };

const DURATION = /^P(?=.)(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?=.)(?:(\d{1,5})H)?(?:(\d{1,7})M)?(?:(\d{1,9})S)?)?$/;
/** Seconds of a week, a day, an hour, a minute and a second. */
const UNITS = [604_800, 86_400, 3_600, 60, 1];

/** A duration of ISO 8601, in seconds; without months and years, which differ in length. */
export const duration: Parser<number> = (given) => {
  const parts = DURATION.exec(given)?.slice(1);
  const seconds = parts && UNITS.reduce((sum, unit, index) => sum + unit * Number(parts[index] ?? 0), 0);
  if (seconds !== undefined && seconds <= MAX_DAYS * 86_400) return seconds;
  throw new SettingError(`must be a duration such as P30D or PT12H, at most P${MAX_DAYS}D`);
};

export const oneOf =
  <T extends string>(values: readonly T[]): Parser<T> =>
  (given) => {
    const value = values.find((known) => known === given);
    if (value === undefined) throw new SettingError(`must be one of ${values.join(', ')}`);
    return value;
  };

export const flag: Parser<boolean> = (given) => {
  if (given !== 'true' && given !== 'false') throw new SettingError('must be true or false');
  return given === 'true';
};

/** A URL with one of these protocols, without slashes at its end. */
export const url =
  (...protocols: string[]): Parser<string> =>
  (given) => {
    const fault = faultOf(given, protocols);
    if (fault === null) return given.replace(/\/+$/, '');
    throw new SettingError(
      fault || `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
    );
  };

/** The addresses of one cluster, with commas between: they differ in nothing but their host and port. */
export const clusterUrls =
  (...protocols: string[]): Parser<string[]> =>
  (given, production) => {
    const parse = url(...protocols);
    const all = listOf(given).map((one) => parse(one, production));
    const [first, ...others] = all.map((text) => Object.assign(new URL(text), { host: 'any', port: '' }).href);
    if (first === undefined) throw new SettingError('must be one URL, or several with commas between');
    if (others.some((other) => other !== first))
      throw new SettingError('must be URLs of one cluster, which differ in host and port alone');
    return all;
  };

export const origins: Parser<string[]> = (given) => {
  const all = listOf(given);
  const isOrigin = (item: string) => URL.canParse(item) && new URL(item).origin === item && /^https?:/.test(item);
  if (!all.every(isOrigin))
    throw new SettingError('must be origins with commas between, such as https://app.example.com');
  return all;
};

export const networks: Parser<string[]> = (given) => {
  const all = listOf(given);
  const parsed = all.map(parseNetwork);
  if (parsed.includes(null))
    throw new SettingError('must be addresses or networks with commas between, such as 10.0.0.0/8');
  if (parsed.some((network) => network?.bits === 0))
    throw new SettingError('must not be everybody: anyone could then choose the address that is recorded');
  return all;
};

/** By a parser of another room, whose message says what is wrong and never holds the value. */
const parsedBy =
  <T>(parse: (given: string) => T): Parser<T> =>
  (given) => {
    try {
      return parse(given);
    } catch (error) {
      throw new SettingError((error as Error).message);
    }
  };

export const email: Parser<string> = parsedBy(parseEmail);

export const limits: Parser<Limits> = parsedBy(parseLimits);

export const webhooks: Parser<Webhook[]> = parsedBy(parseWebhooks);

export const participants: Parser<Participant[]> = parsedBy(parseParticipants);

const KEY_BYTES = 32;

/** A key of 256 bits in base64. */
export const key256: Parser<Uint8Array> = (given) => {
  const key = Buffer.from(given, 'base64');
  if (key.length === KEY_BYTES && /^[A-Za-z0-9+/_-]{43}=?$/.test(given)) return new Uint8Array(key);
  throw new SettingError(`must be ${KEY_BYTES} bytes in base64, such as openssl rand -base64 ${KEY_BYTES} makes`);
};

/** A place in a bucket: all names there begin with `prefix`, which is empty or ends with a slash. */
export interface S3Prefix {
  bucket: string;
  prefix: string;
}

export const region: Parser<string> = (given) => {
  if (/^[a-z0-9-]{1,40}$/.test(given)) return given;
  throw new SettingError('must be the name of a region, such as eu-central-1');
};

/** Names of buckets by AWS's rules, and the characters of names that need no care. */
const S3_URL = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/+((?:[\w!.*'()-]+\/+)*[\w!.*'()-]+)?\/*)?$/;

export const s3Prefix: Parser<S3Prefix> = (given) => {
  const [, bucket, folder = ''] = S3_URL.exec(given) ?? [];
  const parts = folder.split('/').filter(Boolean);
  if (bucket === undefined || parts.some((part) => /^\.+$/.test(part)))
    throw new SettingError('must be a bucket, or a bucket and a prefix, such as s3://my-bucket/deleted');
  return { bucket, prefix: parts.map((part) => `${part}/`).join('') };
};

/** One address, bare or behind a name; no line break, which would be a header of its own. */
const SENDER = /^(?:([^\p{Cc}<>"@,;:]+)<([^<>]+)>|([^<>]+))$/u;
const MAX_SENDER_LENGTH = 100;

export const sender: Parser<string> = (given) => {
  const [, name, inBrackets, bare] = SENDER.exec(given) ?? [];
  try {
    const address = parseEmail(inBrackets ?? bare);
    return name === undefined ? address : `${plainText(name, MAX_SENDER_LENGTH)} <${address}>`;
  } catch {
    throw new SettingError('must be an address, or a visible name and an address: Gatehouse <no-reply@example.com>');
  }
};

export const privateKey: Parser<KeyObject> = (given) => {
  // An environment file cannot hold line breaks, so \n stands for them.
  const key = privateKeyOf(given.replaceAll('\\n', '\n'));
  const why = given.includes('PUBLIC KEY') ? ', and this is a public one' : '';
  if (key === null) throw new SettingError(`must be a P-256 private key in PEM${why}`);
  return key;
};

export const randomText: Parser<string> = (given) => {
  if (given.length < 32 || new Set(given).size < 8) throw new SettingError('must be 32 characters or more, at random');
  return given;
};

const listOf = (given: string): string[] =>
  given
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/** What keeps a text from being a URL of this kind; empty where it is none at all, null where nothing does. */
function faultOf(text: string, protocols: string[]): string | null {
  // `https:/host` and `HTTPS://host` can be read, and would stand so in links and tokens.
  if (!protocols.some((known) => text.startsWith(`${known}//`)) || !URL.canParse(text)) return '';
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
