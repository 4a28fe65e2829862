import { IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { outageOf } from '../database/outage.js';
import { badRequest, beyondLimit, type IdentityError, unavailable } from '../errors.js';

export const MAX_BODY_BYTES = 100_000;

const UNREADABLE = 'The request cannot be read.';

interface Refusal {
  status: number;
  message: string;
}

/** Of Fastify's codes; all others of a client's fault are unreadable. */
const MESSAGES: Partial<Record<string, string>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'The content type must be application/json.',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty.',
  FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not JSON.',
};

const bodyTooLarge = () =>
  beyondLimit('BODY_TOO_LARGE', `The body is larger than ${MAX_BODY_BYTES} bytes.`, MAX_BODY_BYTES);

/** Of Node.js' codes, for what is refused before there is a request. */
const SOCKET_REFUSALS: Partial<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: 'The address or the headers are too long.' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, message: 'The extensions of a chunk are too long.' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'The request did not come in time.' },
};

export const send = (reply: FastifyReply, status: number, message: string) =>
  refuse(reply, status, badRequest(message));

export const refuse = (reply: FastifyReply, status: number, error: IdentityError) =>
  reply
    .code(status)
    .header('cache-control', 'no-store')
    .send({ errors: [error] });

export function sendError(error: FastifyError, request: FastifyRequest, reply: FastifyReply, log: Logger) {
  const status = error.statusCode ?? 500;
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return refuse(reply, status, bodyTooLarge());
  if (status < 500) return send(reply, status, MESSAGES[error.code] ?? UNREADABLE);
  const outage = outageOf(error);
  if (outage) {
    log.warn({ requestId: request.id }, outage.reason);
    return refuse(reply.header('retry-after', outage.retryAfterSeconds), 503, unavailable(outage.retryAfterSeconds));
  }
  log.error({ err: error, requestId: request.id }, 'unexpected error');
  const body = {
    message: 'Something went wrong on our side.',
    extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: request.id },
  };
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .send({ errors: [body] });
}

/**
 * Answers what no route would: bytes that are no HTTP, an address that is none, methods and paths that are not there.
 * Each answer passes the hooks that were added before, so it has the headers and the shape of all others.
 */
export class Refusals {
  readonly #refused = new WeakMap<IncomingMessage, Refusal>();

  /** For Fastify's `rewriteUrl`: an address that cannot be decoded would be answered before any hook. */
  readonly rewriteUrl = (request: IncomingMessage): string => {
    const url = request.url ?? '/';
    if (!url.includes('%') || isDecodable(pathOf(url))) return url;
    this.#refused.set(request, { status: 400, message: UNREADABLE });
    return '/';
  };

  /** Adds the hook that answers. The plugins whose headers each answer needs are registered before. */
  install(http: FastifyInstance): void {
    const methods = new Map<string, Set<string>>();
    http.addHook('onRoute', ({ url, method }) => {
      const known = methods.get(url) ?? new Set(['OPTIONS']);
      methods.set(url, known);
      for (const name of [method].flat()) known.add(name);
    });
    http.addHook('onRequest', (request, reply, done) => {
      const refusal = this.#refused.get(request.raw) ?? refusalOf(request);
      if (refusal) return send(reply, refusal.status, refusal.message);
      if (!request.is404 && request.method !== 'OPTIONS') return done();
      const allowed = methods.get(decodeURIComponent(pathOf(request.url)));
      if (!allowed) return send(reply, 404, 'There is nothing here. The API is at /graphql.');
      reply.header('allow', [...allowed].sort().join(', '));
      if (request.method === 'OPTIONS') return reply.code(204).header('content-length', '0').send();
      return send(reply, 405, 'The method is not one that this address takes.');
    });
    http.server.on('clientError', ({ code = '' }: NodeJS.ErrnoException, socket: Socket) =>
      this.#answer(http.server, socket, SOCKET_REFUSALS[code] ?? { status: 400, message: UNREADABLE }),
    );
    // A proxy would have these tunnelled, and an expectation that is not known may be passed over (RFC 9110, 10.1.1).
    http.server.on('connect', (_, socket: Socket) =>
      this.#answer(http.server, socket, { status: 405, message: 'The method is not one that this address takes.' }),
    );
    http.server.on('checkExpectation', (request, response) => http.server.emit('request', request, response));
  }

  /** A request in the place of the one that there is not, for the hooks to answer. The connection ends with it. */
  #answer(server: Server, socket: Socket, refusal: Refusal): void {
    const inFlight = (socket as { _httpMessage?: ServerResponse })._httpMessage;
    if (!socket.writable || inFlight?.headersSent) {
      socket.destroy();
      return;
    }
    inFlight?.detachSocket(socket);
    const request = Object.assign(new IncomingMessage(socket), { method: 'GET', url: '/', httpVersion: '1.1' });
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => socket.destroySoon());
    this.#refused.set(request, refusal);
    server.emit('request', request, response);
  }
}

function refusalOf({ raw, headers }: FastifyRequest): Refusal | null {
  // RFC 9112, 3.2. Node.js would answer this itself, without a body.
  if (raw.httpVersion === '1.1' && headers.host === undefined) return { status: 400, message: UNREADABLE };
  // RFC 8259, 8.1. Read as UTF-8, a body in another charset would be another one than a proxy in front has checked.
  const [, charset = 'utf-8'] = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(headers['content-type'] ?? '') ?? [];
  if (!/^utf-?8$/i.test(charset)) return { status: 415, message: 'The charset must be UTF-8.' };
  const { 'content-encoding': coding = 'identity' } = headers;
  return /^identity$/i.test(coding) ? null : { status: 415, message: 'The body must not be compressed.' };
}

const pathOf = (url: string) => url.replace(/[?#].*$/s, '');

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
