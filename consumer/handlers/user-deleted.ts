import type { Handler } from './handle.js';

/** From now on each step is owed. */
export const userDeleted: Handler<'user.deleted'> = async ({ id, data: { userId } }, em, { log, deletions }) => {
  await em.execute(
    `insert into deletion_receipts (user_id, step)
     select user_id, step from deletions, unnest(?::text[]) as step where user_id = ?
     on conflict do nothing`,
    [`{${deletions.stepNames.join()}}`, userId],
  );
  log.info({ userId, eventId: id }, 'user deletion received');
};
