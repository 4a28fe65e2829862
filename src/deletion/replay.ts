import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { NIL } from 'uuid';
import type { AuditTrail } from '../audit/audit-trail.js';
import { isRefusedBy } from '../database/constraint.js';
import { StartFailure } from '../process/start-failure.js';
import { COMMAND } from '../request/actor.js';
import { LAST_ADMIN, User } from '../user/user.entity.js';
import { Deletion } from './deletion.entity.js';
import type { Ledger } from './ledger.js';
import { type PurgeParts, purgeWithin } from './purge.js';

const BATCH = 10_000;

/**
 * Erases again those of the ledger whom a restored backup brought back, each in a transaction of its own, and has the
 * database know the others, who are not in it. May be cut off and repeated. Answers how many were there.
 * @throws {StartFailure} at the end, where one of them is the last admin, who stays.
 */
export async function eraseAgain(
  em: EntityManager,
  audit: AuditTrail,
  parts: PurgeParts & { ledger: Ledger },
): Promise<number> {
  const ledger = await parts.ledger.unknownTo(em);
  const unknown = new Set(ledger);
  let erased = 0;
  let lastAdmin: string | null = null;
  for (let last: string = NIL; unknown.size > 0; ) {
    const users = await em
      .fork()
      .execute<{ id: string }[]>(`select id from users where id > ? order by id limit ${BATCH}`, [last]);
    for (const { id } of users) {
      const digest = parts.ledger.digestOf(id);
      if (!unknown.has(digest)) continue;
      unknown.delete(digest);
      try {
        await eraseOne(audit, parts, id);
        erased += 1;
      } catch (error) {
        if (!isRefusedBy(LAST_ADMIN, error)) throw error;
        lastAdmin = digest;
      }
    }
    if (users.length < BATCH) break;
    last = (users.at(-1) as { id: string }).id;
  }
  const all = [...ledger].filter((digest) => digest !== lastAdmin);
  for (let at = 0; at < all.length; at += BATCH) {
    await em
      .fork()
      .execute('insert into erasures (digest) select unnest(?::text[]) on conflict do nothing', [
        `{${all.slice(at, at + BATCH).join()}}`,
      ]);
  }
  if (lastAdmin !== null)
    throw new StartFailure(
      'The only admin of this backup was deleted. Make another with npm run admin:create -- ADDRESS, then run npm run deletions:replay again.',
    );
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
