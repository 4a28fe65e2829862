import type { Logger } from 'pino';
import type { AckOrNack } from 'rascal';

/** Refused for good: the broker moves it to the dead letters. */
const DEAD_LETTER = [{ strategy: 'nack' }];
/** Given back for whoever consumes next. */
const REQUEUE = [{ strategy: 'nack', requeue: true }];

export function refuse(log: Logger, error: Error, ackOrNack: AckOrNack): void {
  log.error({ reason: error.message }, 'message refused; it is a dead letter now');
  ackOrNack(error, DEAD_LETTER);
}

export const giveBack = (ackOrNack: AckOrNack) => ackOrNack(new Error('the consumer stops'), REQUEUE);
