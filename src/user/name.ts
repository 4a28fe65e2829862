import { badInput } from '../errors.js';
import { plainText } from '../text/plain-text.js';

const MAX_LENGTH = 100;

/** A name as it is kept. @throws {Error} that says what is wrong and not what was given. */
export const parseName = (given: unknown) => plainText(given, MAX_LENGTH);

/** The same for an operation's input. @throws {IdentityError} BAD_USER_INPUT for what is no name. */
export function checkedName(given: string): string {
  try {
    return parseName(given);
  } catch (error) {
    throw badInput('input.name', (error as Error).message);
  }
}
