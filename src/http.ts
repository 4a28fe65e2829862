import { randomUUID } from 'node:crypto';
import { BlockList, isIPv6 } from 'node:net';
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
import type { Logger } from 'pino';
import type { Config } from './config.js';
import type { Context, RequestFacts } from './context.js';
import { IdentityError } from './errors.js';
import { languageOf } from './mail/language.js';
import type { Mailbox } from './mail/mailbox.js';
import { serveAccountPages, serveMailbox } from './pages.js';
import { type CookiePolicy, cookiePolicy, RefreshCookie } from './session/refresh-cookie.js';

const MAX_BODY_BYTES = 100_000;
const REQUEST_ID = /^[\w.-]{1,128}$/;

interface Doors {
  apollo: ApolloServer<Context>;
  context(facts: RequestFacts): Promise<Context>;
  jwks(): object;
  /** Which parts answer; `ready` while requests can be served. */
  health(): Promise<{ ready: boolean; parts: Record<string, string> }>;
  /** Null in production, and where mail goes to a server. */
  mailbox: Mailbox | null;
}

/** The HTTP side: GraphQL, the public keys, the pages that mails lead to, and the state of health. Every answer is JSON, but for the pages and Sandbox. */
export async function createHttp(config: Config, log: Logger, doors: Doors): Promise<FastifyInstance> {
  const isTrusted = trustedBy(config.trustProxy);
  const http = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    // A whole request in 30 s, its headers in 10, or a slow sender would hold connections for nothing.
    requestTimeout: 30_000,
    http: { headersTimeout: 10_000 },
    trustProxy: isTrusted,
    genReqId: ({ headers, socket }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) && isTrusted(socket.remoteAddress ?? '')
        ? given
        : randomUUID();
    },
  });
  http.removeContentTypeParser('text/plain');
  // Sandbox's page brings a policy of its own, and is not there in production.
  await http.register(helmet, { contentSecurityPolicy: config.production ? undefined : false });
  await http.register(cors, {
    origin: config.corsOrigins,
    credentials: config.refreshTokenCookie,
    methods: ['GET', 'POST'],
    maxAge: 600,
    exposedHeaders: ['x-request-id'],
  });

  http.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  // A connection that is kept alive behind an answer in flight would hold up the end for as long as it lives.
  let closing = false;
  http.addHook('preClose', async () => {
    closing = true;
  });
  http.addHook('onSend', async (_, reply) => {
    if (closing) reply.header('connection', 'close');
  });
  // The path without its query: a GET has document and variables there.
  http.addHook('onResponse', async ({ id, ip, method, routeOptions }, reply) => {
    const ms = Math.round(reply.elapsedTime);
    log.debug({ requestId: id, ip, method, route: routeOptions.url, status: reply.statusCode, ms }, 'request');
  });
  http.setErrorHandler((error: FastifyError, request, reply) => sendError(error, request, reply, log));
  http.setNotFoundHandler((_, reply) => send(reply, 404, 'There is nothing here. The API is at /graphql.'));

  const cookies = config.refreshTokenCookie ? cookiePolicy(config) : null;
  http.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    handler: (request, reply) => answer(doors, cookies, request, reply),
  });
  http.get('/.well-known/jwks.json', async (_, reply) =>
    reply.header('cache-control', 'public, max-age=300').send(doors.jwks()),
  );
  http.get('/health/live', async () => ({ status: 'live' }));
  http.get('/health/ready', async (_, reply) => {
    const { ready, parts } = await doors.health();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', ...parts });
  });
  serveAccountPages(http);
  if (doors.mailbox) serveMailbox(http, doors.mailbox);
  return http;
}

/** Apollo's framework-free door, joined to a route. */
async function answer(
  { apollo, context }: Doors,
  cookies: CookiePolicy | null,
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
  const response = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method, headers, search: at === -1 ? '' : url.slice(at), body },
    context: () => context({ ...factsOf(request), refreshCookie }),
  });
  reply.code(response.status ?? 200);
  for (const [name, value] of response.headers) reply.header(name, value);
  if (refreshCookie?.setCookie) reply.header('set-cookie', refreshCookie.setCookie);
  // Streamed answers need @defer, which the schema does not have.
  if (response.body.kind !== 'complete') throw new Error('a streamed answer was not expected');
  return reply.send(response.body.string);
}

const MAX_USER_AGENT_LENGTH = 256;

const factsOf = ({ id, ip, headers }: FastifyRequest): Omit<RequestFacts, 'refreshCookie'> => ({
  requestId: id,
  authorization: headers.authorization,
  client: {
    ipAddress: ip,
    userAgent: headers['user-agent']?.replace(/\p{Cc}/gu, '').slice(0, MAX_USER_AGENT_LENGTH) ?? null,
    language: languageOf(headers['accept-language']),
  },
});

const CLIENT_ERRORS: Partial<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: `The body is larger than ${MAX_BODY_BYTES} bytes.`,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'The content type must be application/json.',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty.',
  FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not JSON.',
};

function sendError(error: FastifyError, request: FastifyRequest, reply: FastifyReply, log: Logger) {
  const status = error.statusCode ?? 500;
  if (status < 500) return send(reply, status, CLIENT_ERRORS[error.code] ?? 'The request cannot be read.');
  log.error({ err: error, requestId: request.id }, 'unexpected error');
  const body = {
    message: 'Something went wrong on our side.',
    extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: request.id },
  };
  return reply.code(status).send({ errors: [body] });
}

const send = (reply: FastifyReply, status: number, message: string) =>
  reply.code(status).send({ errors: [new IdentityError('BAD_REQUEST', message)] });

function trustedBy(networks: string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) => {
    const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
    return plain !== '' && list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
  };
}
