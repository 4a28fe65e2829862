import { EventEmitter } from 'node:events';
import type { AckOrNack, BrokerAsPromised, Publication } from 'rascal';
import type { Receiver } from '../../consumer/rabbit-consumer.js';
import type { EventBus } from '../../src/events/bus.js';
import type { CloudEvent } from '../../src/events/events.js';
import { MAIL_PAUSES_SECONDS, mailAfter } from '../../src/events/topology.js';
import type { Faults } from './faults.js';
import { SimulatedProcess } from './simulated-process.js';

/** As `x-delivery-limit` of the topology. */
const DELIVERY_LIMIT = 20;
const RECONNECT_MS = 2_000;

type QueueName = 'events' | 'mails';

interface Message {
  event: CloudEvent;
  deliveries: number;
}

interface Consuming {
  prefetch: number;
  receiver: Receiver<CloudEvent>;
  stopping: AbortSignal;
}

interface Subscription extends Consuming {
  connection: Connection;
  unacked: Set<Message>;
}

class Queue {
  readonly ready: Message[] = [];
  readonly subscriptions = new Set<Subscription>();
}

/**
 * What RabbitMQ promises with quorum queues and confirms, and no more: what it has confirmed it keeps. A confirm may be
 * lost, and what is not acknowledged when its connection ends comes again, before what is behind it.
 */
export class SimulatedBroker {
  readonly #queues = { events: new Queue(), mails: new Queue() };
  readonly #connections = new Set<Connection>();
  readonly dead: CloudEvent[] = [];
  /** What another service got, which listens to everything. */
  readonly observed: CloudEvent[] = [];
  #isUp = true;

  constructor(readonly faults: Faults) {}

  get isUp(): boolean {
    return this.#isUp;
  }

  connect(process: SimulatedProcess): Connection {
    const connection = new Connection(this, process);
    this.#connections.add(connection);
    process.onKilled(() => this.#disconnect(connection));
    return connection;
  }

  subscribe(connection: Connection, queue: QueueName, consuming: Consuming): void {
    this.#queues[queue].subscriptions.add({ ...consuming, connection, unacked: new Set() });
    this.#deliverAll();
  }

  goDown(): void {
    this.#isUp = false;
    for (const connection of this.#connections) this.#lose(connection);
  }

  comeUp(): void {
    this.#isUp = true;
    for (const connection of this.#connections) connection.restore();
    this.#deliverAll();
  }

  /** One connection ends, and is back a moment later. */
  cut(): void {
    const connection = this.faults.pick([...this.#connections]);
    if (!connection) return;
    this.#lose(connection);
    this.#deliverAll();
    setTimeout(() => {
      if (!this.#isUp || !this.#connections.has(connection)) return;
      connection.restore();
      this.#deliverAll();
    }, RECONNECT_MS);
  }

  route(event: CloudEvent): void {
    this.observed.push(event);
    this.enqueue(event.type === 'mail.requested' ? 'mails' : 'events', event);
  }

  enqueue(name: QueueName, event: CloudEvent): void {
    this.#queues[name].ready.push({ event, deliveries: 0 });
    this.#deliverAll();
  }

  #deliverAll(): void {
    for (const queue of Object.values(this.#queues)) this.#deliver(queue);
  }

  #deliver(queue: Queue): void {
    while (queue.ready.length > 0) {
      // Who stops has cancelled its subscriptions first.
      const free = [...queue.subscriptions].filter(
        ({ connection, unacked, prefetch, stopping }) =>
          connection.isUp && unacked.size < prefetch && !stopping.aborted,
      );
      const subscription = this.faults.pick(free);
      if (!subscription) return;
      const message = queue.ready.shift() as Message;
      message.deliveries += 1;
      if (message.deliveries > DELIVERY_LIMIT) {
        this.dead.push(message.event);
        continue;
      }
      subscription.unacked.add(message);
      void this.#handOver(queue, subscription, message);
    }
  }

  async #handOver(queue: Queue, { connection, receiver, stopping, unacked }: Subscription, message: Message) {
    const { process } = connection;
    const delivery = message.deliveries;
    // Of a delivery whose connection was lost the broker takes no answer: the message is on its way again.
    const isCurrent = () => !process.isKilled && unacked.has(message) && message.deliveries === delivery;
    await this.faults.moment(process);
    if (!isCurrent()) return;
    const ackOrNack: AckOrNack = (error, recovery = []) => {
      if (!isCurrent()) return;
      unacked.delete(message);
      const { type } = message.event;
      const [{ requeue = false } = {}] = recovery as readonly { requeue?: boolean }[];
      this.faults.note(`${type} ${error ? (requeue ? 'given back' : 'refused') : 'acknowledged'}`);
      if (error && requeue) queue.ready.unshift(message);
      else if (error) this.dead.push(message.event);
      SimulatedProcess.outside(() => this.#deliver(queue));
    };
    const broker = this.#brokerFor(connection);
    process.run(() => this.faults.note(`${message.event.type} received`));
    process.run(() => void receiver.receive(receiver.parse(message.event), ackOrNack, { broker, stopping }));
  }

  /** What its consumers had not acknowledged comes again, before what is behind it. */
  #lose(connection: Connection): void {
    connection.lose();
    for (const { ready, subscriptions } of Object.values(this.#queues)) {
      for (const { unacked } of [...subscriptions].filter((one) => one.connection === connection)) {
        ready.unshift(...unacked);
        unacked.clear();
      }
    }
  }

  #disconnect(connection: Connection): void {
    this.#lose(connection);
    this.#connections.delete(connection);
    for (const { subscriptions } of Object.values(this.#queues))
      for (const one of subscriptions) if (one.connection === connection) subscriptions.delete(one);
    this.#deliverAll();
  }

  /** As much of Rascal as puts mails off. */
  #brokerFor(connection: Connection): BrokerAsPromised {
    const publish = async (name: string, event: CloudEvent): Promise<Publication> => {
      const publication = new EventEmitter() as Publication;
      const seconds = MAIL_PAUSES_SECONDS.find((seconds) => mailAfter(seconds) === name) ?? 0;
      const put = () => void setTimeout(() => this.enqueue('mails', event), seconds * 1000);
      void connection
        .publish(() => SimulatedProcess.outside(put))
        .then(
          () => publication.emit('success', event.id),
          () => publication.emit('close'),
        );
      return publication;
    };
    return { publish } as unknown as BrokerAsPromised;
  }
}

/** Of one process to the broker. */
export class Connection {
  readonly #listeners: (() => void)[] = [];
  #isUp: boolean;
  /** Counts how often it was lost: a publication of before hears no confirm. */
  #losses = 0;

  constructor(
    private readonly broker: SimulatedBroker,
    readonly process: SimulatedProcess,
  ) {
    this.#isUp = broker.isUp;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  lose(): void {
    this.#isUp = false;
    this.#losses += 1;
  }

  restore(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.process.run(() => {
      for (const listener of this.#listeners) listener();
    });
  }

  /** `arrive` is what happens at the broker. @throws where no confirm came, whether or not it arrived. */
  async publish(arrive: () => void): Promise<void> {
    const { faults } = this.broker;
    const losses = this.#losses;
    const assertUp = () => {
      if (!this.#isUp || this.#losses !== losses) throw new Error('connection closed before the confirm');
    };
    await faults.moment(this.process);
    assertUp();
    if (faults.happens('unconfirmed') && faults.random() < 0.5) throw new Error('connection closed before the confirm');
    arrive();
    await faults.moment(this.process);
    assertUp();
    if (faults.happens('unconfirmed')) throw new Error('connection closed before the confirm');
  }

  asBus(): EventBus {
    return {
      slowTypes: [],
      batchesAtOnce: 2,
      isUp: () => this.#isUp,
      onUp: (listener) => void this.#listeners.push(listener),
      publish: (event) => this.publish(() => SimulatedProcess.outside(() => this.broker.route(event))),
      close: async () => undefined,
    };
  }
}
