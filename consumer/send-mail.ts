import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { CloudEvent } from '../src/events/events.js';
import { Mail, MailKind } from '../src/mail/mail.entity.js';
import { MailToken } from '../src/mail/mail-token.entity.js';
import { makeMailToken } from '../src/mail/mail-token.js';
import { type Mailer, MailFailure } from '../src/mail/mailer.js';
import { render } from '../src/mail/render.js';
import { User } from '../src/user/user.entity.js';

/** The page of each kind's link. */
const PAGES: Partial<Record<MailKind, string>> = {
  [MailKind.VERIFY_EMAIL]: 'verify-email',
  [MailKind.RESET_PASSWORD]: 'reset-password',
  [MailKind.CHANGE_EMAIL]: 'change-email',
};

export const isMailRequested = (event: CloudEvent): event is CloudEvent<'mail.requested'> =>
  event.type === 'mail.requested';

export interface MailParts {
  em: EntityManager;
  mailer: Mailer;
  publicUrl: string;
  log: Logger;
}

/**
 * Sends an ordered mail, at least once: who dies between the server's answer and the mark has it sent again, with a token that counts as well.
 * What is no longer to be sent is done. No transaction is open while the server is slow.
 * @throws {MailFailure} to be tried again later, and what the database does.
 */
export async function sendMail({ em: parent, mailer, publicUrl, log }: MailParts, mailId: string): Promise<void> {
  const em = parent.fork();
  const mail = await em.findOne(Mail, mailId);
  const user = mail?.userId && !mail.sentAt && !mail.refusedAt ? await em.findOne(User, mail.userId) : null;
  if (!mail || !user || !isWanted(mail, user)) return log.debug({ mailId }, 'mail of no concern');

  const link = await linkFor(em, mail, publicUrl);
  const { kind, language, recipient: to } = mail;
  const messageId = `<${mailId}@${new URL(publicUrl).hostname}>`;
  try {
    await mailer.send({ to, messageId, ...render({ kind, language, userName: user.name, publicUrl, link }) });
  } catch (error) {
    if (!(error instanceof MailFailure && error.isRefusal)) throw error;
    await em.nativeUpdate(Mail, { id: mailId, sentAt: null }, { refusedAt: new Date() });
    return log.warn({ mailId, kind, reason: error.message }, 'mail refused; it is not tried again');
  }
  await em.nativeUpdate(Mail, { id: mailId, sentAt: null }, { sentAt: new Date() });
  log.info({ mailId, kind }, 'mail sent');
}

/** A link that proves an address is for that address's user as they are now. */
function isWanted({ kind, recipient }: Mail, user: User): boolean {
  const isForAddress = kind === MailKind.VERIFY_EMAIL || kind === MailKind.RESET_PASSWORD;
  return user.isOpen && (!isForAddress || user.email === recipient);
}

/** The token is behind the #, so it reaches no server's log, no Referer, and nobody who only looks where links lead. */
async function linkFor(em: EntityManager, { id, kind }: Mail, publicUrl: string): Promise<string | null> {
  const page = PAGES[kind];
  if (!page) return null;
  // A mail that waits for days for its server leaves a token at each attempt.
  await em.nativeDelete(MailToken, { mailId: id, expiresAt: { $lt: new Date() } });
  return `${publicUrl}/account/${page}#token=${await makeMailToken(em, id)}`;
}
