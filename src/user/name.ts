import { badInput } from '../errors.js';
import { plainText } from '../plain-text.js';

const MAX_LENGTH = 100;

export const NAME_RULE = `must be a text of 1 to ${MAX_LENGTH} characters without control characters`;

/** A name as it is kept, in NFC and without outer blanks; null for what is none (`NAME_RULE`). */
export const parseName = (given: unknown) => plainText(given, MAX_LENGTH, /\p{Cc}/u);

/** The same for an operation's input. @throws {IdentityError} BAD_USER_INPUT for what is no name. */
export function checkedName(given: string): string {
  const name = parseName(given);
  if (name === null) throw badInput('input.name', NAME_RULE);
  return name;
}
