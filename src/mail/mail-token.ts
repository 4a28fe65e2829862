import { createHash, randomBytes } from 'node:crypto';
import { type EntityManager, type FilterQuery, raw } from '@mikro-orm/core';
import { type LinkKind, Mail } from './mail.entity.js';
import { MailToken } from './mail-token.entity.js';

const TOKEN_BYTES = 32;
/**
 * A link's token counts for an hour from the moment it is sent: a mail that waited for its server is not too old when it
 * arrives. By the clock of the database, for another process sends it than takes it.
 */
const IN_AN_HOUR = `now() + interval '1 hour'`;
const TOKEN = /^[\w-]{43}$/;

const digestOf = (token: string) => createHash('sha256').update(token).digest('base64url');

/**
 * A token for the link of a mail, 256 bits at random in base64url. A mail that is sent again has several that count.
 */
export async function makeMailToken(em: EntityManager, mailId: string): Promise<string> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  await em.fork().insert(MailToken, { digest: digestOf(token), mailId, expiresAt: raw(IN_AN_HOUR) });
  return token;
}

/** A mail with a link that is somebody's. */
export type UsersMail = Mail & { userId: string; kind: LinkKind };

/** The mail whose link brought the token, if it counts now; uses nothing up. */
export const findMailOf = (em: EntityManager, token: string, kind: LinkKind) => find(em, token, kind, counting(token));

/** The same also for a token that was used or is too old, for the caller to see that what it was for is done. */
export const findKnownMailOf = (em: EntityManager, token: string, kind: LinkKind) =>
  find(em, token, kind, { digest: digestOf(token) });

/** The same for a token that was used, or lost its meaning, after `since`. */
export const findUsedMailOf = (em: EntityManager, token: string, kind: LinkKind, since: Date) =>
  find(em, token, kind, { digest: digestOf(token), usedAt: { $gt: since } });

async function find(em: EntityManager, token: string, kind: LinkKind, where: FilterQuery<MailToken>) {
  if (!TOKEN.test(token)) return null;
  const found = await em.findOne(MailToken, where);
  return found && ((await em.findOne(Mail, { id: found.mailId, kind, userId: { $ne: null } })) as UsersMail | null);
}

/**
 * Uses the token up in the transaction of its effect, with all others of the same user and kind: of many at once with
 * it one is true.
 */
export async function useMailToken(
  em: EntityManager,
  token: string,
  { id, userId, kind }: UsersMail,
): Promise<boolean> {
  const usedAt = new Date();
  const used = await em.nativeUpdate(MailToken, counting(token), { usedAt });
  if (used === 0) return false;
  // Its link has come back, so it was sent, also where its sender has not marked it yet. It stays the user's.
  await em.nativeUpdate(Mail, { id, sentAt: null }, { sentAt: usedAt });
  await endMailTokens(em, userId, [kind]);
  return true;
}

/**
 * Makes the links of these kinds worthless that the user was sent, or is still to be sent, in the transaction of what
 * ends them.
 */
export async function endMailTokens(em: EntityManager, userId: string, kinds: LinkKind[]): Promise<void> {
  const ofUser = { userId, kind: { $in: kinds } };
  // First: a mail that is sent from here on has no user, and its token counts for nothing. A purge would not find it by
  // its address.
  await em.nativeUpdate(Mail, { ...ofUser, sentAt: null }, { userId: null, recipient: '' });
  const mails = (await em.find(Mail, ofUser, { fields: ['id'] })).map(({ id }) => id);
  await em.nativeUpdate(MailToken, { mailId: { $in: mails }, usedAt: null }, { usedAt: new Date() });
}

const counting = (token: string) => ({ digest: digestOf(token), usedAt: null, expiresAt: { $gt: raw('now()') } });
