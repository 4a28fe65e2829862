import { OWE_STEPS } from '../steps/owe-steps.js';
import type { Handler } from './handle.js';

const OF_USER = 'with owed as (select user_id from deletions where user_id = ?)';

/** From now on each step is owed. */
export const userDeleted: Handler<'user.deleted'> = async ({ id, data: { userId } }, em, { log, deletions }) => {
  await em.execute(`${OF_USER} ${OWE_STEPS}`, [userId, `{${deletions.stepNames.join()}}`]);
  log.info({ userId, eventId: id }, 'user deletion received');
};
