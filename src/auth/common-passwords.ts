import { dictionary } from '@zxcvbn-ts/language-common';

const COMMON: ReadonlySet<string> = new Set(dictionary['passwords-common']);

/** Whether the password is one of the 49,000 most common ones, in any case (ASVS 6.2.4, NIST SP 800-63B 3.1.1.2). */
export const isCommonPassword = (password: string) => COMMON.has(password.toLowerCase());
