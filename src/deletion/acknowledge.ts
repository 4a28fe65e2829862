import type { EntityManager } from '@mikro-orm/postgresql';
import { conflict } from '../errors.js';
import type { Acknowledgement } from '../keys/acknowledgements.js';
import { ReceiptStatus } from './deletion.entity.js';

/** The step of a participant is `participant:<name>`. */
export const PARTICIPANT_STEPS = 'participant:';

/**
 * Writes the participant's receipt, also where the step has failed or has not begun; answers when it was first written.
 * @throws {IdentityError} CONFLICT where the erasure of the user was not announced.
 */
export async function acknowledge(em: EntityManager, { participant, userId }: Acknowledgement): Promise<Date> {
  const [receipt] = await em.fork().execute<{ finishedAt: string }[]>(
    `insert into deletion_receipts (user_id, step, status, finished_at)
     select user_id, ?, ?, now() from deletions where user_id = ? and announced_at is not null
     on conflict (user_id, step) do update set status = excluded.status, last_error = null,
       finished_at = coalesce(deletion_receipts.finished_at, excluded.finished_at)
     returning finished_at as "finishedAt"`,
    [`${PARTICIPANT_STEPS}${participant}`, ReceiptStatus.DONE, userId],
  );
  if (!receipt) throw conflict('The erasure of this user was not announced.');
  return new Date(receipt.finishedAt);
}
