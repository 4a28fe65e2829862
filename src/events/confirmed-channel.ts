import type { Message, Options } from 'amqplib';

/** A relay's lease is longer. */
const CONFIRM_MS = 5_000;

/** A confirm channel of either interface of amqplib. */
interface Channel {
  on(event: 'return', listener: (message: Message) => void): unknown;
  publish(
    exchange: string,
    routingKey: string,
    content: Buffer,
    options: Options.Publish,
    confirmed: (error: Error | null) => void,
  ): boolean;
}

/** A confirm channel with any number of messages in hand. Its owner opens it, hears its errors and closes it. */
export class ConfirmedChannel {
  /** By the id of the message; of a repetition, the newer one. */
  readonly #inHand = new Map<unknown, (error: Error) => void>();

  constructor(private readonly channel: Channel) {
    // It is confirmed all the same, after that.
    channel.on('return', ({ properties }) =>
      this.#inHand.get(properties.messageId)?.(new Error('no queue takes the message')),
    );
  }

  /**
   * Resolves when the broker has the message in a queue.
   * @throws where no queue takes it, the broker refuses it or is silent for 5 s, or the channel closes. The broker may
   *   have it then, too.
   */
  publish(exchange: string, routingKey: string, content: Buffer, options: Options.Publish): Promise<void> {
    const { messageId } = options;
    return new Promise((resolve, reject) => {
      const settle = (error: Error | null) => {
        clearTimeout(timer);
        if (this.#inHand.get(messageId) === reject) this.#inHand.delete(messageId);
        error ? reject(error) : resolve();
      };
      const timer = setTimeout(settle, CONFIRM_MS, new Error('not confirmed in time'));
      this.#inHand.set(messageId, reject);
      try {
        this.channel.publish(exchange, routingKey, content, { ...options, persistent: true, mandatory: true }, settle);
      } catch (error) {
        settle(error as Error);
      }
    });
  }
}
