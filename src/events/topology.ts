import rascal, { type BrokerConfig } from 'rascal';

/** How long a mail that was not taken waits before it is tried again; each has its queue. */
export const MAIL_PAUSES_SECONDS = [5, 60, 900] as const;
export type MailPauseSeconds = (typeof MAIL_PAUSES_SECONDS)[number];
export const mailAfter = (seconds: MailPauseSeconds) => `identity.mail.after-${seconds}s`;

/** Where all events are published. */
export const EXCHANGE = 'identity.events';

/** A broker that is back is found within two seconds; Rascal's own limit is a minute. */
const RETRY = { min: 200, max: 2_000, factor: 2, strategy: 'exponential' as const };

/** The queues of the consumer, each with where its dead letters lie. */
export const DEAD_LETTERS = {
  'identity.consumer': 'identity.consumer.dead',
  'identity.mail': 'identity.mail.dead',
  'identity.acknowledgements': 'identity.acknowledgements.dead',
} as const;

/** Where the broker is, and whether what it lacks is declared there, or only looked for. */
export interface BrokerSettings {
  urls: readonly string[];
  declares: boolean;
}

/**
 * Everything that must be on the broker. Declared by whichever process comes first, so an event that is published before
 * the consumer's first start already has a queue to wait in. Quorum queues, so that a cluster of brokers loses none.
 */
export const topology = ({ urls, declares }: BrokerSettings): BrokerConfig =>
  rascal.withDefaultConfig({
    vhosts: {
      [vhostOf(urls)]: {
        connections: urls.map((url) => ({ url })),
        // Rascal reads this only here: beside the URL it is dropped.
        defaults: {
          connection: { retry: RETRY },
          queues: { assert: declares, check: !declares },
        },
        // For mails that wait: a channel takes one publication at a time.
        publicationChannelPools: { confirmPool: { max: 50, min: 1 } },
        exchanges: {
          [EXCHANGE]: exchange('topic', declares),
          'identity.dead': exchange('topic', declares),
          // Apart, so that a participant needs no permission to publish what looks like our events.
          'identity.acknowledgements': exchange('fanout', declares),
        },
        queues: {
          'identity.consumer': quorum({ ...deadLettersTo('identity.dead', 'identity.consumer'), ...LAST_NET }),
          [DEAD_LETTERS['identity.consumer']]: quorum(),
          // Apart, so that a mail server that is slow or dead holds up no other event.
          'identity.mail': quorum({ ...deadLettersTo('identity.dead', 'identity.mail'), ...LAST_NET }),
          [DEAD_LETTERS['identity.mail']]: quorum(),
          'identity.acknowledgements': quorum({
            ...deadLettersTo('identity.dead', 'identity.acknowledgements'),
            ...LAST_NET,
          }),
          [DEAD_LETTERS['identity.acknowledgements']]: quorum(),
          ...eachPause((name, seconds) => [
            name,
            quorum({ ...deadLettersTo('', 'identity.mail'), 'x-message-ttl': seconds * 1_000 }),
          ]),
        },
        bindings: declares && {
          users: { source: EXCHANGE, destination: 'identity.consumer', bindingKey: 'user.#' },
          sessions: { source: EXCHANGE, destination: 'identity.consumer', bindingKey: 'session.#' },
          mails: { source: EXCHANGE, destination: 'identity.mail', bindingKey: 'mail.#' },
          dead: {
            source: 'identity.dead',
            destination: DEAD_LETTERS['identity.consumer'],
            bindingKey: 'identity.consumer',
          },
          acknowledgements: { source: 'identity.acknowledgements', destination: 'identity.acknowledgements' },
          deadAcknowledgements: {
            source: 'identity.dead',
            destination: DEAD_LETTERS['identity.acknowledgements'],
            bindingKey: 'identity.acknowledgements',
          },
          deadMails: {
            source: 'identity.dead',
            destination: DEAD_LETTERS['identity.mail'],
            bindingKey: 'identity.mail',
          },
        },
        publications: eachPause((name) => [name, { queue: name, ...CONFIRMED }]),
        subscriptions: {
          events: { queue: 'identity.consumer', prefetch: 50, retry: RETRY, contentType: 'application/json' },
          acknowledgements: {
            queue: 'identity.acknowledgements',
            prefetch: 10,
            retry: RETRY,
            contentType: 'text/plain',
          },
          // As many as there are connections to the mail server.
          mails: { queue: 'identity.mail', prefetch: 5, retry: RETRY, contentType: 'application/json' },
        },
      },
    },
  });

/** Each for itself: as a default, the check would be of the nameless exchange too, which no client may look for. */
const exchange = (type: string, declares: boolean) => ({
  type,
  options: { durable: true },
  assert: declares,
  check: !declares,
});

const quorum = (more: object = {}) => ({
  options: { durable: true, arguments: { 'x-queue-type': 'quorum', ...more } },
});

const deadLettersTo = (exchange: string, routingKey: string) => ({
  'x-dead-letter-exchange': exchange,
  'x-dead-letter-routing-key': routingKey,
  // Both are needed for a dead letter to be as safe as the event was.
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
});

/** For a message that ends its consumer: versions of the broker differ in their default. */
const LAST_NET = { 'x-delivery-limit': 20 };

const CONFIRMED = { confirm: true, timeout: 5_000, options: { mandatory: true, persistent: true } };

const eachPause = (entry: (name: string, seconds: number) => [string, object]) =>
  Object.fromEntries(MAIL_PAUSES_SECONDS.map((seconds) => entry(mailAfter(seconds), seconds)));

/** The same of each URL. RFC-like AMQP URI: no path is the vhost `/`. */
export const vhostOf = ([url = '']: readonly string[]) => decodeURIComponent(new URL(url).pathname.slice(1)) || '/';
