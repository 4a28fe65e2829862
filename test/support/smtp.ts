import { once } from 'node:events';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { freePort } from './servers/free-port.js';

type Done = (error?: Error | null) => void;

/** What a test does in the server's place; who does not call `done` lets the client wait. */
interface Faults {
  onConnect?(done: Done): void;
  /** `say` writes past the server, as far as it lets itself be made to. */
  onRecipient?(address: string, done: Done, say: (text: string) => void): void;
  /** When all of the message is there and nothing has been answered. */
  onMessage?(mail: ParsedMail, done: Done): void;
  /** When the message begins: ends the connection if true. */
  drops?(): boolean;
}

/** A mail server that takes everything, but for the faults that a test gives it. */
export class TestSmtpServer {
  readonly taken: ParsedMail[] = [];
  /** Connections so far. */
  connections = 0;
  faults: Faults = {};
  #server: SMTPServer | null = null;

  private constructor(
    private readonly port: number,
    private readonly options: SMTPServerOptions,
  ) {}

  /** Not listening yet: connections to its port are refused. */
  static async create(options: SMTPServerOptions = { hideSTARTTLS: true, authOptional: true }) {
    return new TestSmtpServer(await freePort(), options);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async listen(): Promise<void> {
    this.#server = new SMTPServer({
      disableReverseLookup: true,
      closeTimeout: 100,
      onConnect: (_, done) => {
        this.connections++;
        if (this.faults.onConnect) this.faults.onConnect(done);
        else done();
      },
      onRcptTo: ({ address }, { id }, done) => {
        if (this.faults.onRecipient) this.faults.onRecipient(address, done, (text) => this.#socket(id)?.write(text));
        else done();
      },
      onData: (stream, session, done) => {
        // A connection that closes within a message fails the stream, and unheard that would end the process.
        stream.on('error', () => undefined);
        if (this.faults.drops?.()) {
          stream.resume();
          this.#socket(session.id)?.destroy();
          return;
        }
        const receive = (mail: ParsedMail) => {
          const take: Done = (error) => {
            if (!error) this.taken.push(mail);
            done(error);
          };
          if (this.faults.onMessage) this.faults.onMessage(mail, take);
          else take();
        };
        // Of one that broke off nothing was taken.
        void simpleParser(stream).then(receive, () => undefined);
      },
      ...this.options,
    });
    // Clients that break off are part of the tests.
    this.#server.on('error', () => undefined);
    await once(this.#server.listen(this.port, '127.0.0.1'), 'listening');
  }

  #socket(sessionId: string) {
    return [...(this.#server?.connections ?? [])].find(({ id }) => id === sessionId)?._socket;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

/** An answer of the server that refuses. */
export const smtpError = (responseCode: number, message: string) => Object.assign(new Error(message), { responseCode });
