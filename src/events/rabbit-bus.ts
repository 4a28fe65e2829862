import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ConfirmChannel, Connection } from 'amqplib/callback_api';
import type { Logger } from 'pino';
import type { BrokerAsPromised } from 'rascal';
import { connectBroker } from './broker.js';
import type { EventBus } from './bus.js';
import { ConfirmedChannel } from './confirmed-channel.js';
import type { CloudEvent } from './events.js';
import { type BrokerSettings, EXCHANGE, vhostOf } from './topology.js';

/** While one waits for its confirms, one is read and one is marked. */
const BATCHES_AT_ONCE = 3;
const REOPEN_MS = 500;

/**
 * The bus over RabbitMQ with publisher confirms. Returns at once; it is up when the broker is. Rascal has the topology,
 * also after a broker that lost it, and connects. The channel is ours: each of Rascal's takes one message at a time.
 */
export function rabbitBus(settings: BrokerSettings, log: Logger): EventBus {
  const closing = new AbortController();
  const { signal } = closing;
  const listeners: (() => void)[] = [];
  let channel: ConfirmedChannel | null = null;
  let up = false;

  const setUp = (value: boolean, event: string) => {
    if (up === value) return;
    up = value;
    log.info({ up }, event);
    if (up) for (const listener of listeners) listener();
  };

  /** Uses one connection until it or its channel is lost. */
  async function useConnection(connection: Connection): Promise<void> {
    // What is lost says so by its channel, too.
    connection.on('error', () => undefined);
    const closed = new Promise((resolve) => connection.once('close', resolve));
    try {
      const opened = await promisify<ConfirmChannel>(connection.createConfirmChannel.bind(connection))();
      // Stays: a second error without a listener would end the process.
      opened.on('error', () => undefined);
      const lost = once(opened, 'close', { signal });
      channel = new ConfirmedChannel(opened);
      // A broker short of memory or disk takes nothing: the outbox holds it meanwhile.
      connection.on('blocked', () => setUp(false, 'broker takes nothing'));
      connection.on('unblocked', () => setUp(true, 'broker takes events again'));
      setUp(true, 'broker is there');
      await lost;
    } finally {
      setUp(false, 'broker is gone');
      connection.removeAllListeners('blocked').removeAllListeners('unblocked');
      channel = null;
      closeUnlessClosed(connection);
      await closed;
    }
  }

  /** Another connection for each that is lost. */
  async function keepConnected(broker: BrokerAsPromised): Promise<void> {
    while (!signal.aborted) {
      try {
        await useConnection(await broker.connect(vhostOf(settings.urls)));
      } catch (error) {
        log.debug({ reason: (error as Error).message }, 'no channel for events');
      }
      await delay(REOPEN_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  let broker: BrokerAsPromised | null = null;
  let publishing: Promise<void> | null = null;
  const connecting = connectBroker(settings, log, signal, async (connected) => {
    broker = connected;
    publishing = keepConnected(connected);
  });

  return {
    slowTypes: [],
    batchesAtOnce: BATCHES_AT_ONCE,
    isUp: () => up,
    onUp: (listener) => void listeners.push(listener),
    async publish(event: CloudEvent) {
      if (!channel || !up) throw new Error('broker is not connected');
      const options = { messageId: event.id, type: event.type, contentType: 'application/json' };
      await channel.publish(EXCHANGE, event.type, Buffer.from(JSON.stringify(event)), options);
    },
    async close() {
      closing.abort();
      await connecting;
      await publishing;
      await broker
        ?.shutdown()
        .catch((error: unknown) => log.warn({ err: error }, 'broker connection not closed cleanly'));
    },
  };
}

function closeUnlessClosed(connection: Connection): void {
  try {
    connection.close();
  } catch (error) {
    if ((error as Error).name !== 'IllegalOperationError') throw error;
  }
}
