import { badInput } from '../errors.js';

const MAX_LENGTH = 100;

export const NAME_RULE = `must be a text of 1 to ${MAX_LENGTH} characters without control characters`;

/** A name as it is kept, in NFC and without outer blanks; null for what is none (`NAME_RULE`). */
export function parseName(given: unknown): string | null {
  if (typeof given !== 'string' || !given.isWellFormed()) return null;
  const name = given.normalize('NFC').trim();
  const length = [...name].length;
  return length < 1 || length > MAX_LENGTH || /\p{Cc}/u.test(name) ? null : name;
}

/** The same for an operation's input. @throws {IdentityError} BAD_USER_INPUT for what is no name. */
export function checkedName(given: string): string {
  const name = parseName(given);
  if (name === null) throw badInput('input.name', NAME_RULE);
  return name;
}
