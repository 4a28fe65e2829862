import type { EntityManager } from '@mikro-orm/postgresql';
import { mailRequested } from '../../src/events/outbox.entity.js';
import { Mail, type MailKind } from '../../src/mail/mail.entity.js';
import { Language } from '../../src/request/language.js';

/** Orders a mail as an operation does: its row and its event in one commit. */
export async function orderMail(
  parent: EntityManager,
  user: { id: string; email: string } | null,
  kind: MailKind,
  { language = Language.ENGLISH, to = user?.email ?? 'nobody@example.com' } = {},
): Promise<Mail> {
  const em = parent.fork();
  const mail = new Mail({ userId: user?.id ?? null, kind, recipient: to, language });
  await em.persist([mail, mailRequested(mail.id)]).flush();
  return mail;
}
