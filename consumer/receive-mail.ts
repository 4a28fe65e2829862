import { setTimeout as delay } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { BrokerAsPromised } from 'rascal';
import { outageOf } from '../src/database/outage.js';
import { confirmed } from '../src/events/confirmed.js';
import type { CloudEvent } from '../src/events/events.js';
import { parseCloudEvent } from '../src/events/parse.js';
import { MAIL_PAUSES_SECONDS, type MailPauseSeconds, mailAfter } from '../src/events/topology.js';
import { MailFailure } from '../src/mail/mailer.js';
import { isMailRequested, type MailParts } from '../src/mail/send-mail.js';
import { deadLetter, requeue } from './answers.js';
import type { Receiver } from './rabbit-consumer.js';
import { sendMailAndGoOn } from './steps/mail.js';

/** RFC 5321, 4.5.4.1: a mail is worth four to five days. */
const PATIENCE_SECONDS = 5 * 24 * 60 * 60;
const RETRY_MS = 1_000;

/**
 * Acknowledged when the mail server has taken it. A mail that it has not waits in a queue of the broker: held here it
 * would be in the way of those behind it, and the broker ends a consumer that holds a message for half an hour.
 */
export const receiveMail = (parts: MailParts): Receiver<CloudEvent> => ({
  parse: parseCloudEvent,
  async receive(event, ackOrNack, { broker, stopping }) {
    const { log } = parts;
    if (!isMailRequested(event)) return ackOrNack();
    try {
      await sendMailAndGoOn(parts, event.data.mailId);
      return ackOrNack();
    } catch (error) {
      if (stopping.aborted) return requeue(ackOrNack);
      const ageSeconds = await ageOf(parts.em, event.data.mailId);
      if (ageSeconds > PATIENCE_SECONDS) return deadLetter(log, new Error('not sent in five days'), ackOrNack);
      const failsForAll = meetsEveryMail(error);
      const seconds = failsForAll ? MAIL_PAUSES_SECONDS[0] : pauseFor(ageSeconds);
      log.warn({ err: error, mailId: event.data.mailId, againInSeconds: seconds }, 'mail not sent; trying again');
      // Those behind it would fail at once, too: the whole queue would be put off.
      if (failsForAll) await delay(RETRY_MS, undefined, { signal: stopping }).catch(() => undefined);
      if (await postpone(event, seconds, broker, log, stopping)) ackOrNack();
      else requeue(ackOrNack);
    }
  },
});

/** Whether every mail would fail now: the mail server or the database is away. */
const meetsEveryMail = (error: unknown): boolean =>
  outageOf(error) !== null || (error instanceof MailFailure && error.isServerAway);

/** By the clock of the database, since several processes have a mail in turn; 0 while the database is away. */
const ageOf = (em: EntityManager, mailId: string): Promise<number> =>
  em
    .fork()
    .execute<{ age: number }[]>(
      'select extract(epoch from now() - ordered_at)::float8 as age from mails where id = ?',
      [mailId],
    )
    .then(
      ([mail]) => mail?.age ?? 0,
      () => 0,
    );

/** The longer it has waited, the longer it waits. */
const pauseFor = (ageSeconds: number): MailPauseSeconds =>
  MAIL_PAUSES_SECONDS.findLast((seconds) => seconds <= ageSeconds) ?? MAIL_PAUSES_SECONDS[0];

/** Whether it waits in its queue now; goes on until it does or `stopping`. */
async function postpone(
  event: CloudEvent,
  seconds: MailPauseSeconds,
  broker: BrokerAsPromised,
  log: Logger,
  stopping: AbortSignal,
): Promise<boolean> {
  const options = { messageId: event.id, type: event.type, contentType: 'application/json' };
  while (!stopping.aborted) {
    try {
      await confirmed(await broker.publish(mailAfter(seconds), event, { options }));
      return true;
    } catch (error) {
      log.warn({ err: error, eventId: event.id }, 'mail not put off; trying again');
    }
    await delay(RETRY_MS, undefined, { signal: stopping }).catch(() => undefined);
  }
  return false;
}
