import type { Handler } from './handle.js';

export const userRegistered: Handler<'user.registered'> = async ({ id, data: { userId } }, _em, { log }) => {
  log.info({ userId, eventId: id }, 'user registration received');
};
