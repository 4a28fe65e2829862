import type { EntityManager } from '@mikro-orm/postgresql';
import type { CloudEvent } from '../src/events/events.js';
import { parseCloudEvent } from '../src/events/parse.js';
import { handleMessage } from './handle-message.js';
import { type HandlerParts, handle } from './handlers/handle.js';
import type { Receiver } from './rabbit-consumer.js';

/** Acknowledged after the commit, so a consumer that dies before gets it again, and knows it. */
export const receiveEvent = (em: EntityManager, parts: HandlerParts): Receiver<CloudEvent> => ({
  parse: parseCloudEvent,
  receive: (event, ackOrNack, { stopping }) =>
    handleMessage({ em, log: parts.log, stopping, about: { eventId: event.id } }, ackOrNack, () =>
      handle(em, parts, event),
    ),
});
