import { Mail, MailKind } from '../../src/mail/mail.entity.js';
import { type MailParts, sendMail } from '../../src/mail/send-mail.js';
import type { Step } from './steps.js';

export const MAIL = 'mail';

const NOTICES = [MailKind.ACCOUNT_CLOSED, MailKind.EMAIL_CHANGED, MailKind.PASSWORD_CHANGED];

/**
 * The confirmation, ordered when the account was closed, and all other notices were sent or refused for good: the purge
 * takes the addresses that they go to.
 */
export const noticesAreSent: Step = async ({ userId }, { em }) => {
  const waiting = await em.fork().count(Mail, { userId, kind: { $in: NOTICES }, sentAt: null, refusedAt: null });
  return waiting === 0;
};

const ASK_AGAIN = `update deletion_receipts set next_attempt_at = now()
  where user_id = (select user_id from mails where id = ?) and step = '${MAIL}' and status = 'pending'`;

/** Sends an ordered mail, as `sendMail` says. A deletion that waits for it goes on at once. */
export async function sendMailAndGoOn(parts: MailParts, mailId: string): Promise<void> {
  await sendMail(parts, mailId);
  await parts.em.fork().execute(ASK_AGAIN, [mailId]);
}
