import type { EntityManager } from '@mikro-orm/postgresql';
import DataLoader from 'dataloader';
import { outageOf } from '../src/database/outage.js';
import type { CloudEvent } from '../src/events/events.js';
import { parseCloudEvent } from '../src/events/parse.js';
import { handleMessage } from './handle-message.js';
import { type HandlerParts, handle } from './handlers/handle.js';
import type { Receiver } from './rabbit-consumer.js';

/** Acknowledged after the commit, so a consumer that dies before gets it again, and knows it. */
export const receiveEvent = (em: EntityManager, parts: HandlerParts): Receiver<CloudEvent> => {
  const together = new DataLoader((events: readonly CloudEvent[]) => handleTogether(em, parts, events), {
    cache: false,
  });
  return {
    parse: parseCloudEvent,
    receive: (event, ackOrNack, { stopping }) =>
      handleMessage({ em, log: parts.log, stopping, about: { eventId: event.id } }, ackOrNack, () =>
        together.load(event),
      ),
  };
};

/**
 * What arrives at once is one transaction. Where that fails, each is tried alone, and fails alone; but while the
 * database is away, none.
 */
async function handleTogether(em: EntityManager, parts: HandlerParts, events: readonly CloudEvent[]) {
  const alone = (event: CloudEvent) =>
    handle(em, parts, [event]).then(
      () => null,
      (error: Error) => error,
    );
  try {
    await handle(em, parts, events);
    return events.map(() => null);
  } catch (error) {
    if (events.length === 1 || outageOf(error)) return events.map(() => error as Error);
    return Promise.all(events.map(alone));
  }
}
