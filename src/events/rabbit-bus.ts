import type { Logger } from 'pino';
import type { BrokerAsPromised } from 'rascal';
import { connectBroker } from './broker.js';
import type { EventBus } from './bus.js';
import { confirmed } from './confirmed.js';
import type { CloudEvent } from './events.js';
import type { BrokerSettings } from './topology.js';

/** While one waits for its confirms, others are read and marked. */
const BATCHES_AT_ONCE = 2;

/** The bus over RabbitMQ with publisher confirms. Returns at once; it is up when the broker is. */
export function rabbitBus(settings: BrokerSettings, log: Logger): EventBus {
  const closing = new AbortController();
  const listeners: (() => void)[] = [];
  let broker: BrokerAsPromised | null = null;
  let up = false;

  const setUp = (value: boolean, event: string) => {
    if (up === value) return;
    up = value;
    log.info({ up }, event);
    if (up) for (const listener of listeners) listener();
  };

  const connecting = connectBroker(settings, log, closing.signal, async (connected) => {
    broker = connected;
    connected.on('connect', () => setUp(true, 'broker is back'));
    connected.on('disconnect', () => setUp(false, 'broker is gone'));
    // A broker short of memory or disk takes nothing: the outbox holds it meanwhile.
    connected.on('blocked', () => setUp(false, 'broker takes nothing'));
    connected.on('unblocked', () => setUp(true, 'broker takes events again'));
    setUp(true, 'broker is there');
  });

  return {
    slowTypes: [],
    batchesAtOnce: BATCHES_AT_ONCE,
    isUp: () => up,
    onUp: (listener) => void listeners.push(listener),
    async publish(event: CloudEvent) {
      if (!broker || !up) throw new Error('broker is not connected');
      const options = { messageId: event.id, type: event.type, contentType: 'application/json' };
      await confirmed(await broker.publish('events', event, { routingKey: event.type, options }));
    },
    async close() {
      closing.abort();
      await connecting;
      await broker
        ?.shutdown()
        .catch((error: unknown) => log.warn({ err: error }, 'broker connection not closed cleanly'));
    },
  };
}
