import { dictionary } from '@zxcvbn-ts/language-common';

/** Words of our own domain, and what our documentation shows. */
const OURS = [
  'admin1234',
  'admin12345',
  'administrator',
  'gatehouse',
  'gatehouse1',
  'gatehouse123',
  'changeme123',
  'password1234',
];

const COMMON: ReadonlySet<string> = new Set([...dictionary['passwords-common'], ...OURS]);

/** Whether the password is one of the 49,000 most common ones, in any case (ASVS 6.2.4, NIST SP 800-63B 3.1.1.2). */
export const isCommonPassword = (password: string) => COMMON.has(password.toLowerCase());
