import type { Logger } from 'pino';
import type { AckOrNack, BrokerAsPromised } from 'rascal';
import { connectBroker } from '../src/events/broker.js';
import { refuse } from './answers.js';

interface Around {
  broker: BrokerAsPromised;
  stopping: AbortSignal;
}

/** Handles the content of one message, and sooner or later answers it. */
export type Receive = (content: unknown, ackOrNack: AckOrNack, around: Around) => Promise<void>;

/** Consumes each subscription of the topology that is named, until it is stopped; waits for the broker as long as it takes. */
export function rabbitConsumer(
  url: string,
  log: Logger,
  subscriptions: Record<string, Receive>,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  let broker: BrokerAsPromised | null = null;

  const connecting = connectBroker(url, log, stopping.signal, async (connected) => {
    broker = connected;
    const around = { broker, stopping: stopping.signal };
    for (const [name, receive] of Object.entries(subscriptions)) await subscribe(name, receive, around, log);
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

async function subscribe(name: string, receive: Receive, around: Around, log: Logger): Promise<void> {
  const session = await around.broker.subscribe(name);
  session.on('message', (_message, content: unknown, ackOrNack: AckOrNack) => void receive(content, ackOrNack, around));
  // Unheard, the first two would lose the message and the third would end the process.
  // Its own words for it quote the content.
  session.on('invalid_content', (_error: Error, _message, ackOrNack: AckOrNack) =>
    refuse(log, new TypeError('the content is not JSON'), ackOrNack),
  );
  session.on('redeliveries_exceeded', (error: Error, _message, ackOrNack: AckOrNack) => refuse(log, error, ackOrNack));
  session.on('error', (error: Error) => log.warn({ reason: error.message }, 'subscription failed; subscribing again'));
  session.on('cancelled', (error: Error) =>
    log.warn({ reason: error.message }, 'subscription cancelled; subscribing again'),
  );
}
