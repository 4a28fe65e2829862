import { BCRYPT_RULE, parseBcrypt } from '../password/password.js';
import { parseTime } from '../text/date-time.js';
import { plainText } from '../text/plain-text.js';
import { parseEmail } from '../user/email-address.js';
import { parseName } from '../user/name.js';
import { RoleName } from '../user/role.entity.js';
import { User } from '../user/user.entity.js';

const MAX_EXTERNAL_ID_LENGTH = 255;

const FIELDS = {
  email: (value: unknown) => parseEmail(value),
  name: (value: unknown) => parseName(value),
  passwordHash: (value: unknown) => parseBcrypt(value) ?? misfit(BCRYPT_RULE),
  role: (value: unknown = RoleName.MEMBER) =>
    Object.values(RoleName).find((role) => role === value) ?? misfit('must be ADMIN or MEMBER'),
  createdAt: (value: unknown) => (value === undefined ? new Date() : pastTime(value)),
  isActive: (value: unknown = true) => flag(value),
  emailVerified: (value: unknown = false) => flag(value),
  externalId: (value: unknown) => (value === undefined ? null : externalId(value)),
};
type Field = keyof typeof FIELDS;
const NAMES = Object.keys(FIELDS) as Field[];

/** How other systems name a field, in lower case without `_` and `-`, and how their value becomes ours. */
const SPELLINGS = new Map<string, { field: Field; convert?: (value: unknown) => unknown }>([
  ...NAMES.map((field) => [field.toLowerCase(), { field }] as const),
  ['displayname', { field: 'name' }],
  ['fullname', { field: 'name' }],
  ['encryptedpassword', { field: 'passwordHash' }],
  ['createdtimestamp', { field: 'createdAt' }],
  ['emailconfirmedat', { field: 'emailVerified', convert: (value) => pastTime(value) !== null }],
  ['emailverifiedat', { field: 'emailVerified', convert: (value) => pastTime(value) !== null }],
  ['id', { field: 'externalId' }],
  ['userid', { field: 'externalId' }],
  ['localid', { field: 'externalId' }],
  ['enabled', { field: 'isActive' }],
  // An import that ignored these would let people in whom the other system shut out.
  ['disabled', { field: 'isActive', convert: (value) => !flag(value) }],
  ['blocked', { field: 'isActive', convert: (value) => !flag(value) }],
  ['banneduntil', { field: 'isActive', convert: (value) => Date.parse(String(value)) <= Date.now() }],
  ['deletedat', { field: 'isActive', convert: () => false }],
]);

/** A line that makes no user. Says what is wrong with which field, and never a value. */
export class BadLine extends Error {}

/**
 * The user of a line of JSON, and the names of its fields that are not known here.
 * @throws {BadLine} with all that is wrong; with `strict` also for an unknown field.
 */
export function importedUser(text: string, strict: boolean): { user: User; unknown: string[] } {
  const { record, unknown, problems } = parseRecord(text);
  if (strict && unknown.length > 0) problems.push(`has a field that is none of ${NAMES.join(', ')}`);
  const read = <T>(name: Field, parse: (value: unknown) => T): T => {
    try {
      return parse(record.get(name));
    } catch (error) {
      problems.push(`${name} ${(error as Error).message}`);
      return undefined as T;
    }
  };

  const [email, name] = [read('email', FIELDS.email), read('name', FIELDS.name)];
  const passwordHash = read('passwordHash', FIELDS.passwordHash);
  const user = new User({ email, passwordHash, name, role: read('role', FIELDS.role) });
  user.createdAt = read('createdAt', FIELDS.createdAt);
  user.isActive = read('isActive', FIELDS.isActive);
  user.emailVerified = read('emailVerified', FIELDS.emailVerified);
  user.externalId = read('externalId', FIELDS.externalId);
  user.importedEmail = email;
  if (problems.length > 0) throw new BadLine(problems.join('; '));
  return { user, unknown };
}

/**
 * The values by our names of their fields. Null is absent. Two names of one field must say the same, but for
 * `isActive`: other systems keep a mark of each way to shut somebody out, and one mark is enough.
 */
function parseRecord(text: string) {
  const [record, unknown, problems] = [new Map<Field, unknown>(), [] as string[], [] as string[]];
  for (const [name, value] of Object.entries(parseObject(text))) {
    const spelling = SPELLINGS.get(name.toLowerCase().replace(/[_-]/g, ''));
    if (!spelling) unknown.push(name);
    if (!spelling || value === null) continue;
    const { field, convert = (given) => given } = spelling;
    try {
      const ours = convert(value);
      const differs = record.has(field) && JSON.stringify(record.get(field)) !== JSON.stringify(ours);
      if (!differs) record.set(field, ours);
      else if (field === 'isActive') record.set(field, false);
      else problems.push(`${field} is given under two names, with two values`);
    } catch (error) {
      problems.push(`${field} ${(error as Error).message}`);
    }
  }
  return { record, unknown, problems };
}

function parseObject(text: string): object {
  try {
    const record: unknown = JSON.parse(text);
    if (typeof record === 'object' && record !== null && !Array.isArray(record)) return record;
  } catch {
    // Told below: the parser's own words hold parts of the line.
  }
  throw new BadLine('is not a JSON object');
}

/**
 * RFC 3339, milliseconds since 1970 in 12 or 13 digits, or either as MongoDB exports it. Seconds are refused: a time in
 * another unit must not pass.
 */
function pastTime(given: unknown): Date {
  const value = typeof given === 'object' && given !== null ? (given as { $date?: unknown }).$date : given;
  const rule = 'must be a time as in RFC 3339, from 1970 on and not in the future';
  try {
    const time = /^\d{12,13}$/.test(String(value)) ? new Date(Number(value)) : parseTime(value);
    if (time.getTime() >= 0 && time.getTime() <= Date.now()) return time;
  } catch {
    // The rule of this field is told instead, which is narrower.
  }
  return misfit(rule);
}

const flag = (value: unknown): boolean => (typeof value === 'boolean' ? value : misfit('must be true or false'));

/** An id in the other system: a text, a whole number, or an ObjectId as MongoDB exports it. */
function externalId(value: unknown): string {
  const inner = typeof value === 'object' ? (value as { $oid?: unknown }).$oid : value;
  return plainText(Number.isSafeInteger(inner) ? String(inner) : inner, MAX_EXTERNAL_ID_LENGTH);
}

function misfit(rule: string): never {
  throw new BadLine(rule);
}
