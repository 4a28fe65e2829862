import { GraphQLDateTime } from 'graphql-scalars';
import { v5 as uuidv5 } from 'uuid';
import { BCRYPT_RULE, parseBcrypt } from '../auth/password.js';
import { parseEmail } from './email-address.js';
import { NAME_RULE, parseName } from './name.js';
import { RoleName } from './role.entity.js';
import { User } from './user.entity.js';

/** Any UUID that nothing else is named under. */
const NAMESPACE = '0f6a4c1e-1f5b-4c53-9d0e-6a3b7d0c8e21';

const FIELDS = {
  email: (value: unknown) => parseEmail(value),
  name: (value: unknown) => parseName(value) ?? misfit(NAME_RULE),
  passwordHash: (value: unknown) => parseBcrypt(value) ?? misfit(BCRYPT_RULE),
  role: (value: unknown = RoleName.MEMBER) =>
    Object.values(RoleName).find((role) => role === value) ?? misfit('must be ADMIN or MEMBER'),
  createdAt: (value: unknown) => (value === undefined ? new Date() : pastTime(value)),
  isActive: (value: unknown = true) => (typeof value === 'boolean' ? value : misfit('must be true or false')),
};
const NAMES = Object.keys(FIELDS);

/** A line that makes no user. Says what is wrong with which field, and never a value. */
export class BadLine extends Error {}

/**
 * The user of a line of JSON. Its id is a name-based UUID (RFC 9562, 5.5) of address and hash, so the same line makes the same user at each
 * import, also when the user has a newer hash or a closed account by then. The salt in the hash keeps the id from being guessed.
 * @throws {BadLine} with all that is wrong.
 */
export function importedUser(text: string): User {
  const record = parseRecord(text);
  const problems = Object.keys(record).every((name) => NAMES.includes(name))
    ? []
    : [`has a field that is none of ${NAMES.join(', ')}`];
  const read = <T>(name: keyof typeof FIELDS, parse: (value: unknown) => T): T => {
    try {
      return parse(record[name]);
    } catch (error) {
      problems.push(`${name} ${(error as Error).message}`);
      return undefined as T;
    }
  };

  const [email, name] = [read('email', FIELDS.email), read('name', FIELDS.name)];
  const passwordHash = read('passwordHash', FIELDS.passwordHash);
  const user = new User(email, passwordHash, name, read('role', FIELDS.role));
  user.createdAt = read('createdAt', FIELDS.createdAt);
  user.isActive = read('isActive', FIELDS.isActive);
  if (problems.length > 0) throw new BadLine(problems.join('; '));
  user.id = uuidv5(`${email} ${passwordHash}`, NAMESPACE);
  return user;
}

function parseRecord(text: string): Record<string, unknown> {
  try {
    const record: unknown = JSON.parse(text);
    if (typeof record === 'object' && record !== null && !Array.isArray(record))
      return record as Record<string, unknown>;
  } catch {
    // Told below: the parser's own words hold parts of the line.
  }
  throw new BadLine('is not a JSON object');
}

function pastTime(value: unknown): Date {
  const rule = 'must be a time as in RFC 3339, from 1970 on and not in the future';
  if (typeof value !== 'string') return misfit(rule);
  try {
    const time = GraphQLDateTime.parseValue(value);
    if (time.getTime() >= 0 && time.getTime() <= Date.now()) return time;
  } catch {
    // Told below: the library's own words hold the value.
  }
  return misfit(rule);
}

function misfit(rule: string): never {
  throw new BadLine(rule);
}
