import type { Logger } from 'pino';
import type { AckOrNack } from 'rascal';

/** Refused for good: the broker moves it to the dead letters. */
const DEAD_LETTER = [{ strategy: 'nack' }];
/** Given back to the queue, for another consumer. */
const REQUEUE = [{ strategy: 'nack', requeue: true }];

export function deadLetter(log: Logger, error: Error, ackOrNack: AckOrNack): void {
  log.error({ reason: error.message }, 'message refused; it is a dead letter now');
  ackOrNack(error, DEAD_LETTER);
}

export const requeue = (ackOrNack: AckOrNack) => ackOrNack(new Error('the consumer stops'), REQUEUE);
