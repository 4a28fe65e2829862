import type { EventType } from '../../src/events/events.js';
import type { Handler } from '../handle.js';

/** For events that have no effect here but to be on record. */
export const noted: Handler<EventType> = async ({ id, type, data: { userId } }, _em, log) => {
  log.info({ userId, eventId: id, type }, 'event received');
};
