import type { EntityManager } from '@mikro-orm/core';
import { Language } from '../request/language.js';
import { Mail, MailKind } from './mail.entity.js';

/** The language of the last mail that the user ordered; English if there is none. */
export async function lastLanguageOf(em: EntityManager, userId: string): Promise<Language> {
  // Anybody can ask for another password in a user's place.
  const where = { userId, kind: { $ne: MailKind.RESET_PASSWORD } };
  const last = await em.findOne(Mail, where, { orderBy: { id: 'desc' } });
  return last?.language ?? Language.ENGLISH;
}
