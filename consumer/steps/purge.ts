import { LockMode } from '@mikro-orm/core';
import { Deletion } from '../../src/deletion/deletion.entity.js';
import { purgeWithin } from '../../src/deletion/purge.js';
import { COMMAND } from '../../src/request/actor.js';
import type { Step } from './steps.js';

export const PURGE = 'purge';

/** Removes what is personal, in one transaction with its audit event. */
export const purge: Step = async ({ userId }, parts) => {
  await parts.audit.transaction(COMMAND, async (transaction) => {
    const lockMode = LockMode.PESSIMISTIC_WRITE;
    await purgeWithin(transaction, await transaction.em.findOneOrFail(Deletion, { userId }, { lockMode }), parts);
  });
  parts.log.info({ userId }, 'user purged');
  return true;
};
