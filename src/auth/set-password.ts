import type { EntityManager } from '@mikro-orm/core';
import { passwordChanged } from '../events/outbox.entity.js';
import { type Language, Mail, MailKind } from '../mail/mail.entity.js';
import { endMailTokens } from '../mail/mail-token.js';
import { orderMail } from '../mail/order-mail.js';
import type { User } from '../user/user.entity.js';

/**
 * Another password, in the caller's transaction: announced, and told to the address. What was asked for with the old one is worth nothing: links for
 * another password, and those for another address, through which whoever knew the old password would come back.
 */
export async function setPassword(em: EntityManager, user: User, passwordHash: string, language: Language) {
  user.passwordHash = passwordHash;
  em.persist(passwordChanged(user.id));
  orderMail(em, new Mail(user.id, MailKind.PASSWORD_CHANGED, user.email, language));
  await endMailTokens(em, user.id, [MailKind.RESET_PASSWORD, MailKind.CHANGE_EMAIL]);
}
