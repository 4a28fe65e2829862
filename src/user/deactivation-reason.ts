import { badInput } from '../errors.js';

const MAX_LENGTH = 500;

/** Why somebody was switched off, for the record. @throws {IdentityError} BAD_USER_INPUT for what is no text of 1 to 500 characters. */
export function checkedReason(given: string): string {
  const reason = given.normalize('NFC').trim();
  const length = [...reason].length;
  if (length < 1 || length > MAX_LENGTH || !reason.isWellFormed() || /[^\P{Cc}\n]/u.test(reason))
    throw badInput('reason', `must be a text of 1 to ${MAX_LENGTH} characters without control characters`);
  return reason;
}
