import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { type ApolloServer, HeaderMap } from '@apollo/server';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import type { FormattedExecutionResult } from 'graphql';
import type { Logger } from 'pino';
import type { Config } from '../config/config.js';
import { refusalOfDocument } from '../graphql/document-rules.js';
import type { Mailbox } from '../mail/mailbox.js';
import type { Context, RequestFacts } from '../request/context.js';
import { languageOf } from '../request/language.js';
import { type CookiePolicy, cookiePolicy, RefreshCookie } from '../request/refresh-cookie.js';
import { canonicalAddress, clientAddress, isWithin } from '../text/ip-address.js';
import { shownText } from '../text/plain-text.js';
import { MAX_BODY_BYTES, Refusals, refuse, sendError } from './http-errors.js';
import { serveAccountPages, serveMailbox } from './pages/pages.js';

/** Requests in flight have so long when the process ends, whatever their clients do. */
const REQUESTS_END_MS = 4_000;
const YEAR_SECONDS = 365 * 24 * 60 * 60;
const HSTS = {
  off: false,
  host: { maxAge: YEAR_SECONDS, includeSubDomains: false },
  subdomains: { maxAge: YEAR_SECONDS, includeSubDomains: true },
  preload: { maxAge: YEAR_SECONDS, includeSubDomains: true, preload: true },
} as const;
const REQUEST_ID = /^[\w.-]{1,128}$/;

/** The client's address, by the peer of the connection and the headers. */
type AddressOf = (peer: string | undefined, request: FastifyRequest) => string | null;

interface HttpDependencies {
  apollo: ApolloServer<Context>;
  context(facts: RequestFacts): Promise<Context>;
  jwks(): object;
  /** Which parts answer; `ready` while requests can be served. */
  health(): Promise<{ ready: boolean; parts: Record<string, string> }>;
  /** Null in production, and where mail goes to a server. */
  mailbox: Mailbox | null;
}

/**
 * The HTTP side: GraphQL, the public keys, the pages that mails lead to, and the state of health. Every answer is JSON,
 * but for the pages and Sandbox.
 */
export async function createHttp(
  config: Config,
  log: Logger,
  dependencies: HttpDependencies,
): Promise<FastifyInstance> {
  const isTrusted = isWithin(config.trustProxy);
  const addressOf: AddressOf = (peer, { headers }) =>
    clientAddress(peer, String(headers['x-forwarded-for'] ?? ''), isTrusted);
  const refusals = new Refusals();
  const http = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    // A whole request in 30 s, its headers in 10, or a slow sender would hold connections for nothing.
    requestTimeout: 30_000,
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 5_000, requireHostHeader: false },
    // Requests on connections that are open while the process ends are served, and each connection closes with its
    // answer.
    return503OnClosing: false,
    rewriteUrl: refusals.rewriteUrl,
    // Answered by `refusals`.
    clientErrorHandler: () => undefined,
    genReqId: ({ headers, socket }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' &&
        REQUEST_ID.test(given) &&
        isTrusted(canonicalAddress(socket.remoteAddress ?? ''))
        ? given
        : randomUUID();
    },
  });
  http.removeContentTypeParser('text/plain');
  http.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
  // Sandbox's page brings a policy of its own, and is not there in production.
  await http.register(helmet, {
    contentSecurityPolicy: config.production ? undefined : false,
    strictTransportSecurity: HSTS[config.hsts],
  });
  await http.register(cors, {
    origin: config.corsOrigins,
    credentials: config.refreshTokenCookie,
    methods: ['GET', 'POST'],
    maxAge: 600,
    exposedHeaders: ['x-request-id'],
    // Answered with all other OPTIONS.
    preflightContinue: true,
    strictPreflight: false,
  });
  refusals.install(http);
  // A connection that is kept alive behind an answer in flight would hold up the end for as long as it lives.
  let closing = false;
  const sockets = connectionsOf(http.server);
  http.addHook('preClose', async () => {
    closing = true;
    // Node.js takes a connection that has not sent a byte yet, as browsers open them ahead, for one with a request in
    // flight.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    setTimeout(() => http.server.closeAllConnections(), REQUESTS_END_MS).unref();
  });
  http.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) reply.header('connection', 'close');
    done();
  });
  if (log.isLevelEnabled('debug')) {
    // The path without its query: a GET has document and variables there.
    http.addHook('onResponse', async (request, reply) => {
      const { id, method, routeOptions } = request;
      const ms = Math.round(reply.elapsedTime);
      const ip = addressOf(request.socket.remoteAddress, request);
      log.debug({ requestId: id, ip, method, route: routeOptions.url, status: reply.statusCode, ms }, 'request');
    });
  }
  http.setErrorHandler((error: FastifyError, request, reply) => sendError(error, request, reply, log));

  const cookies = config.refreshTokenCookie ? cookiePolicy(config) : null;
  http.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    handler: (request, reply) => handleGraphQL(dependencies, cookies, addressOf, request, reply),
  });
  http.get('/.well-known/jwks.json', async (_, reply) =>
    reply.header('cache-control', 'public, max-age=300').send(dependencies.jwks()),
  );
  http.get('/health/live', async () => ({ status: 'live' }));
  http.get('/health/ready', async (_, reply) => {
    const { ready, parts } = await dependencies.health();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', ...parts });
  });
  serveAccountPages(http);
  if (dependencies.mailbox) serveMailbox(http, dependencies.mailbox);
  return http;
}

function connectionsOf(server: Server): Set<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

/** Hands a request to Apollo and its answer to Fastify. */
async function handleGraphQL(
  { apollo, context }: HttpDependencies,
  cookies: CookiePolicy | null,
  addressOf: AddressOf,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const headers = new HeaderMap();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  const refreshCookie = cookies && new RefreshCookie(cookies, request.headers);
  const { method, url, body } = request;
  const at = url.indexOf('?');
  const search = at === -1 ? '' : url.slice(at);
  const refusal = refusalOfDocument(documentIn(body, search));
  if (refusal) return refuse(reply, 400, refusal);
  const response = await apollo.executeHTTPGraphQLRequest({
    // HEAD is GET without its body (RFC 9110, 9.3.2), which Fastify leaves out.
    httpGraphQLRequest: { method: method === 'HEAD' ? 'GET' : method, headers, search, body },
    context: () => context({ ...factsOf(request, addressOf), refreshCookie }),
  });
  // Streamed answers need @defer, which the schema does not have.
  if (response.body.kind !== 'complete') throw new Error('a streamed answer was not expected');
  const answer = response.body.string;
  // Apollo leaves it out of some of its refusals.
  reply.code(response.status ?? 200).header('cache-control', 'no-store');
  for (const [name, value] of response.headers) reply.header(name, value);
  const overloadSeconds = overloadSecondsOf(answer);
  if (overloadSeconds !== null) reply.code(503).header('retry-after', overloadSeconds);
  if (refreshCookie?.setCookie) reply.header('set-cookie', refreshCookie.setCookie);
  return reply.send(answer);
}

/** Where all of an operation failed for an overload: for proxies and clients that read no body. Null otherwise. */
function overloadSecondsOf(answer: string): number | null {
  // Few answers name it, and only they are read.
  if (!answer.includes('"SERVICE_OVERLOADED"')) return null;
  const { data, errors = [] } = JSON.parse(answer) as FormattedExecutionResult;
  if (errors.length === 0 || !errors.every(({ extensions }) => extensions?.code === 'SERVICE_OVERLOADED')) return null;
  if (Object.values(data ?? {}).some((value) => value !== null)) return null;
  return Math.max(...errors.map(({ extensions }) => Number(extensions?.retryAfterSeconds ?? 1)));
}

function documentIn(body: unknown, search: string): string {
  const { query } = (body ?? {}) as { query?: unknown };
  return typeof query === 'string' ? query : (new URLSearchParams(search).get('query') ?? '');
}

const MAX_USER_AGENT_LENGTH = 256;

/** Each header is read when it is asked for: most operations ask for none. */
function factsOf(request: FastifyRequest, addressOf: AddressOf): Omit<RequestFacts, 'refreshCookie'> {
  const { id, headers, socket } = request;
  // A connection that has closed has no address any more.
  const peer = socket.remoteAddress;
  return {
    requestId: id,
    authorization: headers.authorization,
    client: {
      get ipAddress() {
        return addressOf(peer, request);
      },
      get userAgent() {
        return shownText(headers['user-agent'] ?? '', MAX_USER_AGENT_LENGTH);
      },
      get language() {
        return languageOf(headers['accept-language']);
      },
    },
  };
}
