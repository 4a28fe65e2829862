import { Mail, MailKind } from '../../src/mail/mail.entity.js';
import type { Step } from './steps.js';

const NOTICES = [MailKind.ACCOUNT_CLOSED, MailKind.EMAIL_CHANGED, MailKind.PASSWORD_CHANGED];

/**
 * The confirmation, ordered when the account was closed, and all other notices were sent or refused for good: the purge
 * takes the addresses that they go to.
 */
export const noticesAreSent: Step = async ({ userId }, { em }) => {
  const waiting = await em.fork().count(Mail, { userId, kind: { $in: NOTICES }, sentAt: null, refusedAt: null });
  return waiting === 0;
};
