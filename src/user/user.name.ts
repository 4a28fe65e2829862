import { badInput } from '../errors.js';

const MAX_LENGTH = 100;

/** The name as it is stored. @throws {IdentityError} BAD_USER_INPUT if it is empty, too long or no text. */
export function checkedName(given: string): string {
  const name = given.normalize('NFC').trim();
  const length = [...name].length;
  if (length < 1 || length > MAX_LENGTH || !given.isWellFormed() || /\p{Cc}/u.test(name)) {
    throw badInput('input.name', `must be a text of 1 to ${MAX_LENGTH} characters without control characters`);
  }
  return name;
}
