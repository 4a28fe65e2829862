import type { EntityManager } from '@mikro-orm/core';
import { mailRequested } from '../events/outbox.entity.js';
import type { Mail } from './mail.entity.js';

/** Orders a mail in the flush of what it is about: neither is there without the other. */
export function orderMail(em: EntityManager, mail: Mail): void {
  em.persist([mail, mailRequested(mail.id)]);
}
