import type { EntityManager } from '@mikro-orm/core';
import { passwordChanged } from '../events/outbox.entity.js';
import { MailKind } from '../mail/mail.entity.js';
import { endMailTokens } from '../mail/mail-token.js';
import { orderMail } from '../mail/order-mail.js';
import type { Language } from '../request/language.js';
import type { User } from '../user/user.entity.js';

/**
 * Another password, in the caller's transaction: announced, and told to the address. What was asked for with the old
 * one is worth nothing: links for another password, and those for another address: through them, somebody who knew the
 * old password could come back.
 */
export async function setPassword(em: EntityManager, user: User, passwordHash: string, language: Language) {
  user.passwordHash = passwordHash;
  user.passwordChangedAt = new Date();
  em.persist(passwordChanged(user.id));
  orderMail(em, { userId: user.id, kind: MailKind.PASSWORD_CHANGED, recipient: user.email, language });
  await endMailTokens(em, user.id, [MailKind.RESET_PASSWORD, MailKind.CHANGE_EMAIL]);
}
