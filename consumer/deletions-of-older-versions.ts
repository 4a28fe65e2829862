import type { EntityManager } from '@mikro-orm/postgresql';
import { NIL } from 'uuid';
import { OWE_STEPS } from './steps/owe-steps.js';

const BATCH = 1_000;
/** What is younger may still be in the hands of others. */
const OLD = `< now() - interval '1 hour'`;

/**
 * Accounts that such a version has closed: it has announced that, and recorded who did it. And deletions whose
 * announcement its consumer has heard, which owes nothing for it.
 */
const TAKE_OVER = `with closed as (
  insert into deletions (user_id, requested_by, requested_at, purge_at, was_active, announced_at)
  select id, coalesce(
      (select actor_id from audit_events where subject_id = users.id and action = 'user.deleted' order by id desc limit 1),
      '${NIL}'
    ), deleted_at, deleted_at, false, now()
  from users where deleted_at ${OLD} and not exists (select from deletions where user_id = users.id)
  limit ${BATCH} on conflict do nothing returning user_id
), heard as (
  select user_id from deletions
  where announced_at ${OLD} and purged_at is null
    and not exists (select from deletion_receipts where deletion_receipts.user_id = deletions.user_id)
  limit ${BATCH}
), owed as (select user_id from closed union all select user_id from heard)
${OWE_STEPS}`;

/**
 * Begins what a version from before deletions had steps has left undone for an hour, before an upgrade or beside this
 * version: up to two thousand deletions at a time. Answers how many.
 */
export async function takeOverDeletions(em: EntityManager, stepNames: readonly string[]): Promise<number> {
  const owed = await em.fork().execute<{ user_id: string }[]>(TAKE_OVER, [`{${stepNames.join()}}`]);
  return new Set(owed.map(({ user_id }) => user_id)).size;
}
