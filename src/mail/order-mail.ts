import type { EntityManager } from '@mikro-orm/core';
import { mailRequested } from '../events/outbox.entity.js';
import { Mail, type NewMail } from './mail.entity.js';

/** Orders a mail in the flush of what it is about: neither is there without the other. */
export function orderMail(em: EntityManager, ordered: NewMail): void {
  const mail = new Mail(ordered);
  em.persist([mail, mailRequested(mail.id)]);
}
