import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { NIL } from 'uuid';
import type { AuditTrail } from '../audit/audit-trail.js';
import { COMMAND } from '../request/actor.js';
import { User } from '../user/user.entity.js';
import { Deletion } from './deletion.entity.js';
import type { Ledger } from './ledger.js';
import { type PurgeParts, purgeWithin } from './purge.js';

const BATCH = 10_000;

/**
 * Erases again those of the ledger whom a restored backup brought back, each in a transaction of its own, and has the
 * database know the others, who are not in it. May be cut off and repeated. Answers how many were there.
 */
export async function eraseAgain(
  em: EntityManager,
  audit: AuditTrail,
  parts: PurgeParts & { ledger: Ledger },
): Promise<number> {
  const unknown = await parts.ledger.unknownTo(em);
  const all = [...unknown];
  let erased = 0;
  for (let last: string = NIL; unknown.size > 0; ) {
    const users = await em
      .fork()
      .execute<{ id: string }[]>(`select id from users where id > ? order by id limit ${BATCH}`, [last]);
    for (const { id } of users) {
      const digest = parts.ledger.digestOf(id);
      if (!unknown.has(digest)) continue;
      await eraseOne(audit, parts, id);
      unknown.delete(digest);
      erased += 1;
    }
    if (users.length < BATCH) break;
    last = (users.at(-1) as { id: string }).id;
  }
  for (let at = 0; at < all.length; at += BATCH) {
    await em
      .fork()
      .execute('insert into erasures (digest) select unnest(?::text[]) on conflict do nothing', [
        `{${all.slice(at, at + BATCH).join()}}`,
      ]);
  }
  return erased;
}

async function eraseOne(audit: AuditTrail, parts: PurgeParts, userId: string): Promise<void> {
  await audit.transaction(COMMAND, async (transaction) => {
    const { em } = transaction;
    const [user, found] = [
      await em.findOneOrFail(User, { id: userId }, { lockMode: LockMode.PESSIMISTIC_WRITE }),
      await em.findOne(Deletion, { userId }, { lockMode: LockMode.PESSIMISTIC_WRITE }),
    ];
    const now = new Date();
    const deletion =
      found ?? new Deletion({ userId, requestedBy: NIL, requestedAt: now, purgeAt: now, wasActive: user.isActive });
    if (!user.deletedAt) user.close(now);
    deletion.announcedAt ??= now;
    await em.persist(deletion).flush();
    await purgeWithin(transaction, deletion, parts);
  });
}
