import { setTimeout as delay } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { CloudEvent } from '../src/events/events.js';
import { parseCloudEvent } from '../src/events/parse.js';
import { giveBack, refuse } from './answers.js';
import { handle } from './handle.js';
import type { Receive } from './rabbit-consumer.js';

/** How often, and how late again, an event is handled before it becomes a dead letter. */
const ATTEMPTS = 10;
const RETRY_MS = 1_000;

/** Acknowledged after the commit, so a consumer that dies before gets it again, and knows it. */
export const receiveEvent =
  (em: EntityManager, log: Logger): Receive =>
  async (content, ackOrNack, { stopping }) => {
    let event: CloudEvent;
    try {
      event = parseCloudEvent(content);
    } catch (error) {
      return refuse(log, error as Error, ackOrNack);
    }
    for (let failures = 0; !stopping.aborted; ) {
      try {
        await handle(em, log, event);
        return ackOrNack();
      } catch (error) {
        log.warn({ err: error, eventId: event.id }, 'event not handled; trying again');
      }
      // While the database is away no event is at fault, and none may become a dead letter for it.
      if (await answers(em)) failures++;
      if (failures === ATTEMPTS) return refuse(log, new Error(`not handled in ${ATTEMPTS} attempts`), ackOrNack);
      await delay(RETRY_MS, undefined, { signal: stopping }).catch(() => undefined);
    }
    giveBack(ackOrNack);
  };

const answers = (em: EntityManager) =>
  em
    .fork()
    .execute('select 1')
    .then(
      () => true,
      () => false,
    );
