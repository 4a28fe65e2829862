import { displayEmail } from '../user/email-address.js';
import { isCommonPassword } from './common-passwords.js';

/** Most characters of a new password. */
export const MAX_LENGTH = 128;

/**
 * Why a text in NFKC cannot be a new password, as the end of a sentence about it; null where it can. `personal` are
 * words that it must not be.
 */
export function weaknessOf(text: string, minLength: number, personal: string[]): string | null {
  if ([...text].length < minLength) return `must have ${minLength} characters or more`;
  if (isCommonPassword(text)) return 'is one of the most common ones';
  const isPersonal = personal.some((word) => word.toLowerCase() === text.toLowerCase());
  return isPersonal ? 'is the name or the address' : null;
}

/** What somebody who knows the user would try first. */
export const wordsOf = ({ email, name }: { email: string; name: string }) => [
  email,
  displayEmail(email),
  email.split('@')[0] ?? '',
  name,
];
