import type { Logger } from 'pino';
import type { AckOrNack, BrokerAsPromised } from 'rascal';
import { connectBroker } from '../src/events/broker.js';
import type { BrokerSettings } from '../src/events/topology.js';
import { deadLetter } from './answers.js';

interface Delivery {
  broker: BrokerAsPromised;
  stopping: AbortSignal;
}

export interface Receiver<T> {
  /** Of the content of a message. @throws where it does not fit: the message becomes a dead letter. */
  parse(content: unknown): T;
  /** Handles one message, and sooner or later answers it. */
  receive(message: T, ackOrNack: AckOrNack, delivery: Delivery): Promise<void>;
}

/**
 * Consumes each subscription of the topology that is named, until it is stopped; waits for the broker as long as it
 * takes.
 */
export function rabbitConsumer(
  settings: BrokerSettings,
  log: Logger,
  receivers: Record<string, Receiver<unknown>>,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  let broker: BrokerAsPromised | null = null;

  const connecting = connectBroker(settings, log, stopping.signal, async (connected) => {
    broker = connected;
    const delivery = { broker, stopping: stopping.signal };
    for (const [name, receiver] of Object.entries(receivers)) await subscribe(name, receiver, delivery, log);
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

async function subscribe<T>(name: string, receiver: Receiver<T>, delivery: Delivery, log: Logger): Promise<void> {
  const session = await delivery.broker.subscribe(name);
  session.on('message', (_message, content: unknown, ackOrNack: AckOrNack) => {
    try {
      void receiver.receive(receiver.parse(content), ackOrNack, delivery);
    } catch (error) {
      deadLetter(log, error as Error, ackOrNack);
    }
  });
  // Unheard, the first two would lose the message and the third would end the process.
  // Its own words for it quote the content.
  session.on('invalid_content', (_error: Error, _message, ackOrNack: AckOrNack) =>
    deadLetter(log, new TypeError('the content is not JSON'), ackOrNack),
  );
  session.on('redeliveries_exceeded', (error: Error, _message, ackOrNack: AckOrNack) =>
    deadLetter(log, error, ackOrNack),
  );
  session.on('error', (error: Error) => log.warn({ reason: error.message }, 'subscription failed; subscribing again'));
  session.on('cancelled', (error: Error) =>
    log.warn({ reason: error.message }, 'subscription cancelled; subscribing again'),
  );
}
