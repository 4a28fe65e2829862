import { LockMode } from '@mikro-orm/core';
import { PARTICIPANT_STEPS } from '../../src/deletion/acknowledge.js';
import { Deletion } from '../../src/deletion/deletion.entity.js';
import { purgeWithin } from '../../src/deletion/purge.js';
import { COMMAND } from '../../src/request/actor.js';
import type { Step } from './steps.js';

export const PURGE = 'purge';

/** Participants are not waited for: they may take a month, and hold data of their own. */
const OTHERS = `select from deletion_receipts
  where user_id = ? and step <> '${PURGE}' and step not like '${PARTICIPANT_STEPS}%' and status <> 'done' limit 1`;

/** The worker has it look when another step is done. */
const LATER = { askAgainInSeconds: 600 };

/** Removes what is personal, in one transaction with its audit event, when all other steps are done. */
export const purge: Step = async ({ userId }, parts) => {
  const others = await parts.em.fork().execute(OTHERS, [userId]);
  if (others.length > 0) return LATER;
  await parts.audit.transaction(COMMAND, async (transaction) => {
    const lockMode = LockMode.PESSIMISTIC_WRITE;
    await purgeWithin(transaction, await transaction.em.findOneOrFail(Deletion, { userId }, { lockMode }), parts);
  });
  parts.log.info({ userId }, 'user purged');
  return true;
};
