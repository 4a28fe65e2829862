import { randomBytes } from 'node:crypto';
import jsonwebtoken, { type SignOptions } from 'jsonwebtoken';

export const newSecret = () => `whsec_${randomBytes(24).toString('base64')}`;

/** A participant without a URL, and the setting that names it. */
export const BILLING = { name: 'billing', secret: newSecret() };
export const WITH_BILLING = { DELETION_PARTICIPANTS: JSON.stringify([BILLING]) };

/** What a participant signs; `wrong` replaces parts of it. */
export function acknowledgementOf(
  userId: string,
  { name, secret, typ, ...wrong }: { name?: string; secret?: string; typ?: string } & SignOptions = {},
): string {
  const key = Buffer.from((secret ?? BILLING.secret).slice('whsec_'.length), 'base64');
  const header = { alg: wrong.algorithm ?? 'HS256', typ: typ ?? 'erasure+jwt' };
  return jsonwebtoken.sign({}, key, { header, issuer: name ?? BILLING.name, subject: userId, ...wrong });
}

/** SQL by which the erasure of a user was announced, and no step has begun. */
export const announcementOf = (userId: string) =>
  `insert into deletions (user_id, requested_by, requested_at, purge_at, was_active, announced_at)
   values ('${userId}', '${userId}', now(), now(), true, now())
   on conflict (user_id) do update set announced_at = now()`;
