import type { Handler } from './handle.js';

export const userDeleted: Handler<'user.deleted'> = async ({ id, data: { userId } }, _em, log) => {
  log.info({ userId, eventId: id }, 'user deletion received');
};
