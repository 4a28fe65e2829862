import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** The way of one process to one server. Split, it lets nothing through in either direction and closes nothing. */
export class Link {
  readonly #server: Server;
  readonly #pairs = new Set<[Socket, Socket]>();
  readonly #waiting = new Set<Socket>();
  #isSplit = false;

  /** `port` answers where the server is now: another one may have taken its place. */
  static async open(port: () => number): Promise<Link> {
    const link = new Link(port);
    await new Promise<void>((resolve) => link.#server.listen(0, '127.0.0.1', resolve));
    return link;
  }

  private constructor(private readonly port: () => number) {
    this.#server = createServer({ noDelay: true }, (client) => {
      client.on('error', () => undefined);
      if (this.#isSplit) this.#waiting.add(client.pause());
      else this.#join(client);
    });
  }

  /** The address of the server, by this way. */
  url(server: string): string {
    return Object.assign(new URL(server), { port: (this.#server.address() as AddressInfo).port }).href;
  }

  split(): void {
    this.#isSplit = true;
    for (const [client, server] of this.#pairs) {
      client.unpipe(server).pause();
      server.unpipe(client).pause();
    }
  }

  /** What was on its way arrives now. */
  heal(): void {
    this.#isSplit = false;
    for (const pair of this.#pairs) this.#connect(pair);
    for (const client of this.#waiting) this.#join(client);
    this.#waiting.clear();
  }

  /** Ends all connections: what was on its way is lost. */
  cut(): void {
    for (const socket of [...this.#pairs].flat()) socket.destroy();
    for (const socket of this.#waiting) socket.destroy();
    this.#waiting.clear();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }

  #join(client: Socket): void {
    const server = connect({ port: this.port(), host: '127.0.0.1', noDelay: true });
    const pair: [Socket, Socket] = [client, server];
    this.#pairs.add(pair);
    server.on('error', () => undefined);
    for (const socket of pair) socket.on('close', () => this.#isSplit || this.#end(pair));
    this.#connect(pair);
  }

  #connect(pair: [Socket, Socket]): void {
    const [client, server] = pair;
    if (client.destroyed || server.destroyed) {
      this.#end(pair);
      return;
    }
    client.pipe(server);
    server.pipe(client);
  }

  #end(pair: [Socket, Socket]): void {
    for (const socket of pair) socket.destroy();
    this.#pairs.delete(pair);
  }
}
