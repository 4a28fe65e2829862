import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { canonicalAddress, networkOf } from '../text/ip-address.js';

export const CONNECTION_LIMITS = {
  /** Of one network; trusted proxies have none, for theirs are those of many. */
  network: 1_000,
  /** Of all; what comes beyond is closed before it is read. */
  total: 10_000,
  /** For the first byte of a new one. */
  firstByteMs: 10_000,
};

/**
 * The open connections of a server. Where a network has too many, the oldest that has brought no request is closed for
 * the newest: sockets that somebody keeps open keep nobody out.
 */
export class Connections {
  readonly #all = new Set<Socket>();
  /** Those that have brought a whole request. */
  readonly #useful = new WeakSet<Socket>();
  readonly #byNetwork = new Map<string, Set<Socket>>();

  constructor(
    server: Server,
    private readonly isTrusted: (address: string | null) => boolean,
  ) {
    server.maxConnections = CONNECTION_LIMITS.total;
    server.on('connection', (socket: Socket) => this.#add(socket));
    server.on('request', ({ socket }) => this.#useful.add(socket));
  }

  /** Node.js takes a connection that has not sent a byte yet for one with a request in flight. */
  closeSilent(): void {
    for (const socket of this.#all) if (socket.bytesRead === 0) socket.destroy();
  }

  #add(socket: Socket): void {
    this.#all.add(socket);
    const silent = setTimeout(() => socket.bytesRead === 0 && socket.destroy(), CONNECTION_LIMITS.firstByteMs).unref();
    const address = canonicalAddress(socket.remoteAddress ?? '');
    const network = this.isTrusted(address) ? null : networkOf(address);
    socket.once('close', () => {
      clearTimeout(silent);
      this.#all.delete(socket);
      if (network !== null) this.#remove(network, socket);
    });
    if (network === null) return;
    const sockets = this.#byNetwork.get(network) ?? new Set();
    this.#byNetwork.set(network, sockets.add(socket));
    if (sockets.size <= CONNECTION_LIMITS.network) return;
    const waiting = [...sockets].filter((other) => other !== socket && !isAnswering(other));
    // One that has had a request may have the next on its way.
    (waiting.find((other) => !this.#useful.has(other)) ?? waiting[0] ?? socket).destroy();
  }

  #remove(network: string, socket: Socket): void {
    const sockets = this.#byNetwork.get(network);
    sockets?.delete(socket);
    if (sockets?.size === 0) this.#byNetwork.delete(network);
  }
}

/** Whether a request has been read and its answer is not sent. Node.js keeps it there, and says it nowhere else. */
const isAnswering = (socket: Socket) => Boolean((socket as { _httpMessage?: ServerResponse })._httpMessage);
