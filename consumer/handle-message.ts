import { setTimeout as delay } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { AckOrNack } from 'rascal';
import { outageOf } from '../src/database/outage.js';
import { IdentityError } from '../src/errors.js';
import { deadLetter, requeue } from './answers.js';

/** How often, and how late again, a message is handled before it becomes a dead letter. */
const ATTEMPTS = 10;
const RETRY_MS = 1_000;

interface MessageParts {
  em: EntityManager;
  log: Logger;
  stopping: AbortSignal;
  /** What log lines say of the message. */
  about: object;
}

/**
 * Does the work of a message until it is done, then acknowledges it: a consumer that dies before gets it again. What is
 * refused becomes a dead letter at once, and what fails after ten attempts.
 */
export async function handleMessage(
  { em, log, stopping, about }: MessageParts,
  ackOrNack: AckOrNack,
  work: () => Promise<unknown>,
): Promise<void> {
  let told: string | undefined;
  for (let failures = 0; !stopping.aborted; ) {
    try {
      await work();
      return ackOrNack();
    } catch (error) {
      if (error instanceof IdentityError) return deadLetter(log, error, ackOrNack);
      const outage = outageOf(error);
      // Of a long outage, one line for each message.
      const level = outage && outage.reason === told ? 'debug' : 'warn';
      log[level]({ err: error, ...about, reason: outage?.reason }, 'message not handled; trying again');
      told = outage?.reason;
      // While the database is away, or takes no writes, no message is at fault, and none may become a dead letter for it.
      if (!outage && (await answers(em))) failures++;
    }
    if (failures === ATTEMPTS) return deadLetter(log, new Error(`not handled in ${ATTEMPTS} attempts`), ackOrNack);
    await delay(RETRY_MS, undefined, { signal: stopping }).catch(() => undefined);
  }
  requeue(ackOrNack);
}

const answers = (em: EntityManager) =>
  em
    .fork()
    .execute('select 1')
    .then(
      () => true,
      () => false,
    );
