import { randomUUID } from 'node:crypto';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import Fastify, { type FastifyBaseLogger, type FastifyError, type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import type { Config } from '../config/config.js';
import type { Mailbox } from '../mail/mailbox.js';
import { cookiePolicy } from '../request/cookie.js';
import { canonicalAddress, clientAddress, isWithin } from '../text/ip-address.js';
import { Connections } from './connections.js';
import { type AddressOf, type GraphQLParts, handleGraphQL } from './graphql.js';
import { MAX_BODY_BYTES, Refusals, sendError } from './http-errors.js';
import { type MetricsSource, serveMetrics } from './metrics.js';
import { type ExplorerContents, serveExplorer } from './pages/explorer.js';
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
/** Of what is no page: nothing is loaded, run or framed. Pages bring one of their own. OWASP ASVS 5.0, 3.4.3 and 3.4.6. */
const NOTHING = {
  useDefaults: false,
  directives: { defaultSrc: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"], frameAncestors: ["'none'"] },
};
const REQUEST_ID = /^[\w.-]{1,128}$/;

interface HttpDependencies extends GraphQLParts {
  jwks(): object;
  /** Which parts answer; `ready` while requests can be served. */
  health(): Promise<{ ready: boolean; parts: Record<string, string> }>;
  /** Null in production, and where mail goes to a server. */
  mailbox: Mailbox | null;
  /** What the explorer shows; null where there is none. */
  explorer: (() => ExplorerContents) | null;
  /** Made once, where there is a token for them. */
  metrics(): MetricsSource;
}

/**
 * The HTTP side: GraphQL, the public keys, the pages that mails lead to, and the state of health. Every answer is JSON,
 * but for the pages, Sandbox and the explorer.
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
    // Longer than any operation: its last field begins in time. A client that does not read would hold its connection for ever.
    connectionTimeout: 2 * config.executionTimeoutSeconds * 1000 + 30_000,
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
    contentSecurityPolicy: config.production ? NOTHING : false,
    strictTransportSecurity: HSTS[config.hsts],
  });
  await http.register(cors, {
    origin: config.corsOrigins,
    credentials: config.refreshTokenCookie,
    methods: ['GET', 'POST'],
    maxAge: 600,
    exposedHeaders: ['x-request-id', 'retry-after', 'www-authenticate'],
    // Answered with all other OPTIONS.
    preflightContinue: true,
    strictPreflight: false,
  });
  refusals.install(http);
  // A connection that is kept alive behind an answer in flight would hold up the end for as long as it lives.
  let closing = false;
  const connections = new Connections(http.server, isTrusted);
  http.addHook('preClose', async () => {
    closing = true;
    // Browsers open them ahead.
    connections.closeSilent();
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

  const policy = config.refreshTokenCookie ? cookiePolicy(config) : null;
  http.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    handler: (request, reply) => handleGraphQL(dependencies, policy, addressOf, request, reply),
  });
  http.get('/.well-known/jwks.json', async (_, reply) =>
    reply.header('cache-control', 'public, max-age=300').send(dependencies.jwks()),
  );
  http.get('/health/live', async () => ({ status: 'live' }));
  http.get('/health/ready', async (_, reply) => {
    const { ready, parts } = await dependencies.health();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', ...parts });
  });
  if (config.metricsToken) serveMetrics(http, config.metricsToken, dependencies.metrics());
  serveAccountPages(http);
  if (dependencies.mailbox) serveMailbox(http, dependencies.mailbox);
  if (dependencies.explorer) await serveExplorer(http, dependencies.explorer);
  return http;
}
