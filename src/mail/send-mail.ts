import { raw } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { CloudEvent } from '../events/events.js';
import { User } from '../user/user.entity.js';
import { LINK_PAGES } from './link-pages.js';
import { type LinkKind, Mail, MailKind } from './mail.entity.js';
import { MailToken } from './mail-token.entity.js';
import { makeMailToken } from './mail-token.js';
import { type Mailer, MailFailure } from './mailer.js';
import { render } from './render.js';

export const isMailRequested = (event: CloudEvent): event is CloudEvent<'mail.requested'> =>
  event.type === 'mail.requested';

export interface MailParts {
  em: EntityManager;
  mailer: Mailer;
  publicUrl: string;
  log: Logger;
}

/**
 * Sends an ordered mail, at least once: who dies between the server's answer and the mark has it sent again, with a
 * token that counts as well. What is no longer to be sent is done. No transaction is open while the server is slow.
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
    if (!(error instanceof MailFailure)) throw error;
    const { message: reason, advice, enhancedCode } = error;
    if (advice) log.error({ mailId, kind, reason, enhancedCode }, advice);
    if (!error.isRefusal) throw error;
    await em.nativeUpdate(Mail, { id: mailId, sentAt: null }, { refusedAt: raw('now()') });
    return log.warn({ mailId, kind, reason, enhancedCode }, 'mail refused; it is not tried again');
  }
  await em.nativeUpdate(Mail, { id: mailId, sentAt: null }, { sentAt: raw('now()') });
  log.info({ mailId, kind }, 'mail sent');
}

const isLinkKind = (kind: MailKind): kind is LinkKind => Object.hasOwn(LINK_PAGES, kind);

/**
 * A link is for its user as they are now. A notice goes to the address in any case: somebody who took the account over
 * could otherwise hide it from its owner by closing it at once.
 */
function isWanted({ kind, recipient }: Mail, user: User): boolean {
  if (!isLinkKind(kind)) return true;
  return user.canSignIn && (kind === MailKind.CHANGE_EMAIL || user.email === recipient);
}

/** The token is behind the #, so it reaches no server's log, no Referer, and no scanner that only follows links. */
async function linkFor(em: EntityManager, { id, kind }: Mail, publicUrl: string): Promise<string | null> {
  // A mail that waits for days for its server leaves a token at each attempt. And a database that takes no writes fails
  // here, before the mail is sent: it could not be marked as sent, and would be sent again and again.
  await em.nativeDelete(MailToken, { mailId: id, expiresAt: { $lt: raw('now()') } });
  if (!isLinkKind(kind)) return null;
  return `${publicUrl}/account/${LINK_PAGES[kind]}#token=${await makeMailToken(em, id)}`;
}
