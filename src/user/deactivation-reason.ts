import { badInput } from '../errors.js';
import { plainText } from '../plain-text.js';

const MAX_LENGTH = 500;

/** Why somebody was switched off, for the record. @throws {IdentityError} BAD_USER_INPUT for what is no text of 1 to 500 characters. */
export function checkedReason(given: string): string {
  const reason = plainText(given, MAX_LENGTH, /[^\P{Cc}\n]/u);
  if (reason === null)
    throw badInput('reason', `must be a text of 1 to ${MAX_LENGTH} characters without control characters`);
  return reason;
}
