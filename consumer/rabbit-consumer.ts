import { setTimeout as delay } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { AckOrNack, BrokerAsPromised } from 'rascal';
import { connectBroker } from '../src/events/broker.js';
import type { CloudEvent } from '../src/events/events.js';
import { parseCloudEvent } from '../src/events/parse.js';
import { handle } from './handle.js';

/** How often, and how late again, an event is handled before it becomes a dead letter. */
const ATTEMPTS = 10;
const RETRY_MS = 1_000;

/** Refused for good: the broker moves it to the dead letters. */
const DEAD_LETTER = [{ strategy: 'nack' }];
/** Given back for whoever consumes next. */
const REQUEUE = [{ strategy: 'nack', requeue: true }];

/** Consumes events until it is stopped; waits for the broker as long as it takes. */
export function rabbitConsumer(url: string, em: EntityManager, log: Logger): { stop(): Promise<void> } {
  const stopping = new AbortController();
  let broker: BrokerAsPromised | null = null;

  const connecting = connectBroker(url, log, stopping.signal, async (connected) => {
    broker = connected;
    const session = await connected.subscribe('events');
    session.on(
      'message',
      (_message, content: unknown, ackOrNack: AckOrNack) => void receive(em, log, content, ackOrNack, stopping.signal),
    );
    // Unheard, the first two would lose the message and the third would end the process.
    // Its own words for it quote the content.
    session.on('invalid_content', (_error: Error, _message, ackOrNack: AckOrNack) =>
      refuse(log, new TypeError('the content is not JSON'), ackOrNack),
    );
    session.on('redeliveries_exceeded', (error: Error, _message, ackOrNack: AckOrNack) =>
      refuse(log, error, ackOrNack),
    );
    session.on('error', (error: Error) =>
      log.warn({ reason: error.message }, 'subscription failed; subscribing again'),
    );
    session.on('cancelled', (error: Error) =>
      log.warn({ reason: error.message }, 'subscription cancelled; subscribing again'),
    );
    log.info('consumer is ready');
  });

  return {
    async stop() {
      stopping.abort();
      await connecting;
      await broker
        ?.shutdown()
        .catch((error: unknown) => log.warn({ err: error }, 'broker connection not closed cleanly'));
    },
  };
}

/** Acknowledged after the commit, so a consumer that dies before gets it again, and knows it. */
async function receive(
  em: EntityManager,
  log: Logger,
  content: unknown,
  ackOrNack: AckOrNack,
  stopping: AbortSignal,
): Promise<void> {
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
  ackOrNack(new Error('the consumer stops'), REQUEUE);
}

const answers = (em: EntityManager) =>
  em
    .fork()
    .execute('select 1')
    .then(
      () => true,
      () => false,
    );

function refuse(log: Logger, error: Error, ackOrNack: AckOrNack): void {
  log.error({ reason: error.message }, 'message refused; it is a dead letter now');
  ackOrNack(error, DEAD_LETTER);
}
