import { createHash, randomBytes } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/core';
import { Mail, type MailKind } from './mail.entity.js';
import { MailToken } from './mail-token.entity.js';

const TOKEN_BYTES = 32;
/** From the moment it is sent: a mail that waited for its server is not too old when it arrives. */
const TOKEN_MS = 60 * 60 * 1000;
const TOKEN = /^[\w-]{43}$/;

const digestOf = (token: string) => createHash('sha256').update(token).digest('base64url');

/** A token for the link of a mail, 256 bits at random in base64url. A mail that is sent again has several that count. */
export async function makeMailToken(em: EntityManager, mailId: string): Promise<string> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  await em
    .fork()
    .persist(new MailToken(digestOf(token), mailId, new Date(Date.now() + TOKEN_MS)))
    .flush();
  return token;
}

/** A mail that is somebody's. */
export type UsersMail = Mail & { userId: string };

/** The mail whose link brought the token, if it counts now; uses nothing up. */
export async function findMailOf(em: EntityManager, token: string, kind: MailKind): Promise<UsersMail | null> {
  if (!TOKEN.test(token)) return null;
  const found = await em.findOne(MailToken, counting(token));
  return found && ((await em.findOne(Mail, { id: found.mailId, kind, userId: { $ne: null } })) as UsersMail | null);
}

/** Uses the token up in the transaction of its effect, with all others of the same user and kind: of many at once with it one is true. */
export async function useMailToken(em: EntityManager, token: string, { userId, kind }: UsersMail): Promise<boolean> {
  const used = await em.nativeUpdate(MailToken, counting(token), { usedAt: new Date() });
  if (used === 0) return false;
  await endMailTokens(em, userId, [kind]);
  return true;
}

/** Makes the links of these kinds worthless that the user was sent, or is still to be sent, in the transaction of what ends them. */
export async function endMailTokens(em: EntityManager, userId: string, kinds: MailKind[]): Promise<void> {
  const ofUser = { userId, kind: { $in: kinds } };
  // First: what is sent from here on is nobody's mail, and its token counts for nothing.
  await em.nativeUpdate(Mail, { ...ofUser, sentAt: null }, { userId: null });
  const mails = (await em.find(Mail, ofUser, { fields: ['id'] })).map(({ id }) => id);
  await em.nativeUpdate(MailToken, { mailId: { $in: mails }, usedAt: null }, { usedAt: new Date() });
}

const counting = (token: string) => ({ digest: digestOf(token), usedAt: null, expiresAt: { $gt: new Date() } });
