import { setTimeout as delay } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import { outageOf } from '../src/database/outage.js';
import { deadLetter, requeue } from './answers.js';
import { type HandlerParts, handle } from './handlers/handle.js';
import type { Receive } from './rabbit-consumer.js';

/** How often, and how late again, an event is handled before it becomes a dead letter. */
const ATTEMPTS = 10;
const RETRY_MS = 1_000;

/** Acknowledged after the commit, so a consumer that dies before gets it again, and knows it. */
export const receiveEvent =
  (em: EntityManager, parts: HandlerParts): Receive =>
  async (event, ackOrNack, { stopping }) => {
    const { log } = parts;
    for (let failures = 0; !stopping.aborted; ) {
      try {
        await handle(em, parts, event);
        return ackOrNack();
      } catch (error) {
        const outage = outageOf(error);
        log.warn({ err: error, eventId: event.id, reason: outage?.reason }, 'event not handled; trying again');
        // While the database is away, or takes no writes, no event is at fault, and none may become a dead letter for
        // it.
        if (!outage && (await answers(em))) failures++;
      }
      if (failures === ATTEMPTS) return deadLetter(log, new Error(`not handled in ${ATTEMPTS} attempts`), ackOrNack);
      await delay(RETRY_MS, undefined, { signal: stopping }).catch(() => undefined);
    }
    requeue(ackOrNack);
  };

const answers = (em: EntityManager) =>
  em
    .fork()
    .execute('select 1')
    .then(
      () => true,
      () => false,
    );
