import rascal, { type BrokerConfig } from 'rascal';

/**
 * Everything that must be on the broker. Both processes declare all of it, so an event that is published before the consumer's first
 * start already has a queue to wait in. Quorum queues, so that a cluster of brokers loses none.
 */
export const topology = (url: string): BrokerConfig =>
  rascal.withDefaultConfig({
    vhosts: {
      [vhostOf(url)]: {
        connection: { url, retry: { min: 200, max: 2_000, factor: 2, strategy: 'exponential' } },
        publicationChannelPools: { confirmPool: { max: 10, min: 1 } },
        exchanges: {
          'identity.events': { type: 'topic', options: { durable: true } },
          'identity.dead': { type: 'topic', options: { durable: true } },
        },
        queues: {
          'identity.consumer': {
            options: {
              durable: true,
              arguments: {
                'x-queue-type': 'quorum',
                'x-dead-letter-exchange': 'identity.dead',
                'x-dead-letter-routing-key': 'identity.consumer',
                // Both are needed for a dead letter to be as safe as the event was.
                'x-dead-letter-strategy': 'at-least-once',
                'x-overflow': 'reject-publish',
                // The last net, for a message that ends its consumer: versions of the broker differ in their default.
                'x-delivery-limit': 20,
              },
            },
          },
          'identity.consumer.dead': { options: { durable: true, arguments: { 'x-queue-type': 'quorum' } } },
        },
        bindings: {
          users: { source: 'identity.events', destination: 'identity.consumer', bindingKey: 'user.#' },
          sessions: { source: 'identity.events', destination: 'identity.consumer', bindingKey: 'session.#' },
          dead: { source: 'identity.dead', destination: 'identity.consumer.dead', bindingKey: 'identity.consumer' },
        },
        publications: {
          events: {
            exchange: 'identity.events',
            confirm: true,
            timeout: 5_000,
            options: { mandatory: true, persistent: true },
          },
        },
        subscriptions: { events: { queue: 'identity.consumer', prefetch: 10, contentType: 'application/json' } },
      },
    },
  });

/** RFC-like AMQP URI: no path is the vhost `/`. */
const vhostOf = (url: string) => decodeURIComponent(new URL(url).pathname.slice(1)) || '/';
