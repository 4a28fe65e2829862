import type { Handler, HeardType } from './handle.js';

/** For events that have no effect here but to be on record. */
export const noted: Handler<HeardType> = async ({ id, type, data: { userId } }, _em, { log }) => {
  log.info({ userId, eventId: id, type }, 'event received');
};
