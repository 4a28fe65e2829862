import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect, type Message } from 'amqplib';
import type { Inbox } from './inbox.js';
import { type Erase, eraseOnce, erasureOf, type Participant } from './participant.js';

export interface ListenOptions<T> {
  amqpUrl: string;
  erase: Erase<T>;
  inbox?: Inbox<T>;
  /** The service's queue; `<name>.erasures` where it is left out. */
  queue?: string;
  /** Hears of what failed and is tried again, and of messages that are none. */
  onError?: (error: unknown) => void;
}

export interface Listener {
  /** Messages in hand come again. */
  close(): Promise<void>;
}

const EVENTS = 'identity.events';
const ACKNOWLEDGEMENTS = 'identity.acknowledgements';
const PREFETCH = 10;
const MAX_PAUSE_MS = 60_000;

/**
 * Hears of erasures from RabbitMQ, erases, and acknowledges each; returns when the queue is there. A broker that goes is
 * waited for. What fails is tried again until it is done: given back to the queue, it would be dropped after some times.
 * @throws what the broker says where it cannot be reached at the start.
 */
export async function listen<T>(
  participant: Participant,
  { amqpUrl, erase, inbox, queue = `${participant.name}.erasures`, onError = () => undefined }: ListenOptions<T>,
): Promise<Listener> {
  const closing = new AbortController();

  const setup = async (model: ChannelModel) => {
    const channel = await model.createConfirmChannel();
    channel.on('error', onError);
    // What a channel has brought comes again by the next one.
    const gone = new AbortController();
    // Recovery sets up again after the loss of a connection alone. One that is closed already reconnects by itself.
    const reconnect = () => void model.close().catch(() => undefined);
    channel.on('close', () => {
      gone.abort();
      // A connection that closes closes its channels first.
      setImmediate(reconnect);
    });
    const ended = AbortSignal.any([closing.signal, gone.signal]);
    // Without it each acknowledgement would close the channel, and its message would come again until it is dropped.
    await channel.checkExchange(ACKNOWLEDGEMENTS);
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    await channel.bindQueue(queue, EVENTS, 'user.deleted');
    await channel.prefetch(PREFETCH);
    await channel.consume(queue, (message) => {
      if (message) return void handle(channel, message, ended).catch(onError);
      onError(new Error('RabbitMQ has cancelled the consumer'));
      reconnect();
    });
  };

  async function handle(channel: ConfirmChannel, message: ConsumeMessage, ended: AbortSignal): Promise<void> {
    try {
      const erasure = erasureOf(JSON.parse(message.content.toString()));
      if (erasure) {
        await untilDone(() => eraseOnce(erasure, erase as Erase<T | null>, inbox), ended);
        await untilDone(() => publish(channel, participant.acknowledgementOf(erasure.userId)), ended);
      }
      channel.ack(message);
    } catch (error) {
      onError(error);
      // No event, or a channel that has closed: then the message comes again by itself.
      if (error instanceof SyntaxError || error instanceof TypeError) channel.nack(message, false, false);
    }
  }

  async function untilDone(work: () => Promise<void>, ended: AbortSignal): Promise<void> {
    for (let pauseMs = 500; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      try {
        return await work();
      } catch (error) {
        onError(error);
      }
      await delay(pauseMs, undefined, { signal: ended });
    }
  }

  const model = await connect(amqpUrl, {
    recovery: { initialMaxRetries: 0, maxRetries: Number.POSITIVE_INFINITY, maxDelay: 5_000, setup },
  });
  model.on('error', onError);
  return {
    async close() {
      closing.abort();
      await model.close();
    },
  };
}

/** Until the broker has it in a queue. It gives back what no queue takes, and confirms it then all the same. */
function publish(channel: ConfirmChannel, acknowledgement: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { persistent: true, contentType: 'text/plain', mandatory: true, messageId: randomUUID() };
    const onReturn = ({ properties }: Message) => {
      if (properties.messageId === options.messageId) reject(new Error('no queue takes the acknowledgement'));
    };
    channel.on('return', onReturn);
    channel.publish(ACKNOWLEDGEMENTS, '', Buffer.from(acknowledgement), options, (error) => {
      channel.off('return', onReturn);
      error ? reject(error) : resolve();
    });
  });
}
