import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { AckOrNack, BrokerAsPromised } from 'rascal';
import { connectBroker } from '../src/events/broker.js';
import { parseCloudEvent } from '../src/events/events.js';
import { RETRY } from '../src/events/topology.js';
import { handle } from './handle.js';

/** Refused for good: the broker moves it to the dead letters. */
const DEAD_LETTER = [{ strategy: 'nack' }];

/** Consumes events until it is stopped; waits for the broker as long as it takes. */
export function rabbitConsumer(url: string, em: EntityManager, log: Logger): { stop(): Promise<void> } {
  const stopping = new AbortController();
  let broker: BrokerAsPromised | null = null;

  const connecting = connectBroker(url, log, stopping.signal, async (connected) => {
    broker = connected;
    const session = await connected.subscribe('events');
    session.on(
      'message',
      (_message, content: unknown, ackOrNack: AckOrNack) => void receive(em, log, content, ackOrNack),
    );
    // Unheard, the first two would lose the message and the third would end the process.
    session.on('invalid_content', (error: Error, _message, ackOrNack: AckOrNack) => refuse(log, error, ackOrNack));
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
async function receive(em: EntityManager, log: Logger, content: unknown, ackOrNack: AckOrNack): Promise<void> {
  let event: ReturnType<typeof parseCloudEvent>;
  try {
    event = parseCloudEvent(content);
  } catch (error) {
    return refuse(log, error as Error, ackOrNack);
  }
  try {
    await handle(em, log, event);
    ackOrNack();
  } catch (error) {
    log.warn({ err: error, eventId: event.id }, 'event not handled; trying again');
    ackOrNack(error as Error, RETRY);
  }
}

function refuse(log: Logger, error: Error, ackOrNack: AckOrNack): void {
  log.error({ reason: error.message }, 'message is no event of ours; dead-lettered');
  ackOrNack(error, DEAD_LETTER);
}
