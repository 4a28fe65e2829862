/** What we use of Rascal 21, which ships no types; those of others describe version 10. */
declare module 'rascal' {
  import type { EventEmitter } from 'node:events';
  import type { Connection } from 'amqplib/callback_api';

  export type BrokerConfig = { vhosts: Record<string, object> };

  export interface Publication extends EventEmitter {
    abort(): void;
  }
  export interface Subscription extends EventEmitter {
    cancel(): Promise<void>;
  }
  export type Recovery = readonly object[];
  export type AckOrNack = (error?: Error | null, recovery?: Recovery) => void;

  export class BrokerAsPromised extends EventEmitter {
    static create(config: BrokerConfig): Promise<BrokerAsPromised>;
    /** A connection of its own, by the first URL that answers. */
    connect(vhost: string): Promise<Connection>;
    publish(name: string, message: unknown, overrides: { options?: object }): Promise<Publication>;
    subscribe(name: string): Promise<Subscription>;
    shutdown(): Promise<void>;
  }

  const rascal: {
    BrokerAsPromised: typeof BrokerAsPromised;
    withDefaultConfig(config: BrokerConfig): BrokerConfig;
  };
  export default rascal;
}
