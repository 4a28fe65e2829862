import type { CloudEvent, EventType } from './events.js';

/** Where the relay takes events: RabbitMQ, or the handlers in this process. */
export interface EventBus {
  /** Events whose publication may take seconds: they are relayed apart, and no other waits for them. */
  readonly slowTypes: readonly EventType[];
  /** How many batches are relayed at once where many events wait. */
  readonly batchesAtOnce: number;
  /** Whether it is worth trying: while it is not, events stay in the outbox. */
  isUp(): boolean;
  /** Resolves only when the broker or handler has the event safely; rejects otherwise, and the relay tries again. */
  publish(event: CloudEvent): Promise<void>;
  /** Tells when it is up again. */
  onUp(listener: () => void): void;
  close(): Promise<void>;
}

interface InProcessConsumer {
  handle(event: CloudEvent): Promise<void>;
  stop(): Promise<void>;
}

/** Hands events to a consumer in this process: safe once handled. */
export const inProcessBus = (consumer: InProcessConsumer): EventBus => ({
  slowTypes: ['mail.requested'],
  batchesAtOnce: 1,
  isUp: () => true,
  publish: (event) => consumer.handle(event),
  onUp: () => undefined,
  close: () => consumer.stop(),
});
