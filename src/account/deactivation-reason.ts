import { badInput } from '../errors.js';
import { plainText } from '../text/plain-text.js';

const MAX_LENGTH = 500;

/**
 * Why somebody was switched off, for the record.
 * @throws {IdentityError} BAD_USER_INPUT for what is no text of 1 to 500 characters.
 */
export function checkedReason(given: string): string {
  try {
    return plainText(given, MAX_LENGTH, { lines: true });
  } catch (error) {
    throw badInput('reason', (error as Error).message);
  }
}
