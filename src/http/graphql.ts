import { type ApolloServer, HeaderMap, type HTTPGraphQLRequest } from '@apollo/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FormattedExecutionResult } from 'graphql';
import Negotiator from 'negotiator';
import { badRequest, IdentityError, responseTooLarge } from '../errors.js';
import type { DirectExecution, RequestParameters } from '../graphql/direct-execution.js';
import { refusalOfDocument } from '../graphql/document-rules.js';
import {
  type FoundDocument,
  findDocument,
  type GivenDocument,
  type PersistedOperations,
} from '../graphql/persisted-operations.js';
import type { Context, RequestFacts } from '../request/context.js';
import type { CookiePolicy } from '../request/cookie.js';
import { Cookies } from '../request/cookies.js';
import type { Execution } from '../request/execution.js';
import { languageOf } from '../request/language.js';
import { isRecord, parseJson } from '../text/json.js';
import { shownText } from '../text/plain-text.js';
import { refuse } from './http-errors.js';

/** For what is the same for all viewers: the schema of a release. */
const PUBLIC_SECONDS = 300;

export const MAX_ANSWER_BYTES = 500_000;

/** Public fields answer a token that does not count without an error (RFC 6750, 3.1; RFC 9110, 11.6.1). */
const INVALID_TOKEN = 'Bearer error="invalid_token"';

/** Of the appendix to GraphQL over HTTP, too. */
const PARAMETERS = ['query', 'operationName', 'variables', 'extensions', 'documentId'];

/** The client's address, by the peer of the connection and the headers. */
export type AddressOf = (peer: string | undefined, request: FastifyRequest) => string | null;

export interface GraphQLParts {
  apollo: ApolloServer<Context>;
  directExecution: DirectExecution;
  operations: PersistedOperations;
  /** From then on the request has its time, and others give way to it. */
  beginExecution(): Execution;
  context(facts: RequestFacts): Promise<Context>;
}

/** Runs a request, by itself or by Apollo, and hands the answer to Fastify. */
export async function handleGraphQL(
  parts: GraphQLParts,
  policy: CookiePolicy | null,
  addressOf: AddressOf,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const execution = parts.beginExecution();
  try {
    const cookies = policy && new Cookies(policy, request.headers);
    return await answer(parts, { ...factsOf(request, addressOf), cookies, execution }, request, reply);
  } finally {
    execution.end();
  }
}

async function answer(
  { apollo, directExecution, operations, context }: GraphQLParts,
  facts: RequestFacts,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const { cookies, execution } = facts;
  // Made once, where it is needed first.
  let made: Promise<Context> | null = null;
  const contextOfRequest = () => {
    made ??= context(facts).then((context) => {
      const { viewer } = context;
      if (viewer.id === null && viewer.reason !== 'MISSING') reply.header('www-authenticate', INVALID_TOKEN);
      return context;
    });
    return made;
  };
  const isAdmin = async () => {
    const { viewer } = await contextOfRequest();
    return viewer.id !== null && viewer.role === 'ADMIN';
  };

  const repeated = repeatedParameter(request.url);
  if (repeated) return refuse(reply, 400, badRequest(`The parameter ${repeated} may be given once.`));
  // Apollo would run it first.
  const contentType = contentTypeFor(request.headers.accept);
  if (request.method === 'POST' && !contentType)
    return refuse(reply, 406, badRequest('The header Accept names no type that this server answers with.'));
  const { given, withDocument } = readRequest(request);
  const found = await findDocument(operations, given, facts.client, isAdmin).catch((error) => {
    if (!(error instanceof IdentityError)) throw error;
    return error;
  });
  if (found instanceof IdentityError) return refuseDocument(request, reply, found);
  const direct = found && (await answerDirectly(directExecution, found, request, contentType, contextOfRequest));
  // One that is known was looked at before.
  const refusal = found && !direct && refusalOfDocument(found.text);
  if (refusal) return refuseDocument(request, reply, refusal);

  const { status, headers, text } =
    direct ?? (await answerByApollo(apollo, withDocument(found?.text ?? null), contextOfRequest));
  // What a mutation has done is told, however long it is.
  if (isTooLarge(text) && !execution.isMutation)
    return refuseDocument(request, reply, responseTooLarge(MAX_ANSWER_BYTES));
  // Apollo leaves it out of some of its refusals.
  reply.code(status).header('cache-control', 'no-store');
  for (const [name, value] of headers) reply.header(name, value);
  if (found?.isPublic && request.method !== 'POST' && reply.statusCode === 200) {
    reply.removeHeader('www-authenticate').header('cache-control', `public, max-age=${PUBLIC_SECONDS}`);
    reply.header('vary', [reply.getHeader('vary'), 'Accept'].filter(Boolean).join(', '));
  }
  if (reply.statusCode === 400 && isAnsweredWith200(request, codesIn(text))) reply.code(200);
  const retry = retryOf(text);
  if (retry) reply.code(retry.status).header('retry-after', retry.afterSeconds);
  if (cookies && cookies.set.length > 0) reply.header('set-cookie', cookies.set);
  return reply.send(text);
}

interface GraphQLAnswer {
  status: number;
  headers: Iterable<[name: string, value: string]>;
  text: string;
}

async function answerByApollo(
  apollo: ApolloServer<Context>,
  httpGraphQLRequest: HTTPGraphQLRequest,
  context: () => Promise<Context>,
): Promise<GraphQLAnswer> {
  const { status = 200, headers, body } = await apollo.executeHTTPGraphQLRequest({ httpGraphQLRequest, context });
  // Streamed answers need @defer, which the schema does not have.
  if (body.kind !== 'complete') throw new Error('a streamed answer was not expected');
  return { status, headers, text: body.string };
}

/** Null where the document is not known, or the request or its operation is not as usual: Apollo sees to it. */
async function answerDirectly(
  direct: DirectExecution,
  found: FoundDocument,
  request: FastifyRequest,
  contentType: string | undefined,
  context: () => Promise<Context>,
): Promise<GraphQLAnswer | null> {
  const parameters = parametersOf(request);
  const text = parameters && contentType && (await direct.run(found, parameters, context));
  return text ? { status: 200, headers: [['content-type', contentType]], text } : null;
}

/** Null where one of them is of a wrong type, or it is no POST of JSON. */
function parametersOf({ method, headers, body }: FastifyRequest): RequestParameters | null {
  if (method !== 'POST' || !headers['content-type']?.startsWith('application/json') || !isRecord(body)) return null;
  const { operationName, variables, extensions } = body;
  const others = withoutNames({ extensions }).extensions;
  const isGood = typeof (operationName ?? '') === 'string' && isRecord(variables ?? {}) && isRecord(others ?? {});
  if (!isGood) return null;
  return {
    operationName: (operationName as string) || undefined,
    variables: (variables ?? {}) as Record<string, unknown>,
    extensions: (others ?? undefined) as Record<string, unknown> | undefined,
  };
}

/** As Apollo chooses it, the third one too. */
const CONTENT_TYPES = [
  'application/json',
  'application/graphql-response+json',
  'application/json; callbackSpec=1.0',
].map((type) => `${type}; charset=utf-8`);

const contentTypeFor = (accept: string | undefined): string | undefined =>
  accept ? new Negotiator({ headers: { accept } }).mediaType(CONTENT_TYPES) : CONTENT_TYPES[0];

/** A character has four bytes at most. */
const isTooLarge = (answer: string) =>
  answer.length > MAX_ANSWER_BYTES / 4 && Buffer.byteLength(answer) > MAX_ANSWER_BYTES;

interface ReadRequest {
  given: GivenDocument;
  /** The request with a document in the place of what named it; as it came where there is none. */
  withDocument(text: string | null): HTTPGraphQLRequest;
}

/** A proxy in front may have read the other one (OWASP ASVS 5.0, 15.3.7). */
const repeatedParameter = (url: string): string | undefined => {
  if (!url.includes('?')) return undefined;
  const parameters = new URLSearchParams(searchOf(url));
  return PARAMETERS.find((name) => parameters.getAll(name).length > 1);
};

function readRequest({ method, headers: given, url, body }: FastifyRequest): ReadRequest {
  const search = searchOf(url);
  const asItCame = () => {
    const headers = new HeaderMap();
    for (const [name, value] of Object.entries(given)) {
      if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
    }
    // HEAD is GET without its body (RFC 9110, 9.3.2), which Fastify leaves out.
    return { method: method === 'HEAD' ? 'GET' : method, headers, search, body };
  };
  if (method === 'POST') {
    const fields = isRecord(body) ? body : {};
    const withDocument = (text: string | null) =>
      text === null || !isNamed(fields)
        ? asItCame()
        : { ...asItCame(), body: { ...withoutNames(fields), query: text } };
    return { given: fields, withDocument };
  }
  const parameters = new URLSearchParams(search);
  const extensions = parseJson(parameters.get('extensions') ?? '');
  const fields = {
    query: parameters.get('query') ?? undefined,
    documentId: parameters.get('documentId') ?? undefined,
    extensions,
  };
  const withDocument = (text: string | null) => {
    if (text === null || !isNamed(fields)) return asItCame();
    parameters.delete('documentId');
    parameters.set('query', text);
    const { extensions: others } = withoutNames({ extensions });
    if (others === undefined) parameters.delete('extensions');
    else parameters.set('extensions', JSON.stringify(others));
    return { ...asItCame(), search: `?${parameters}` };
  };
  return { given: fields, withDocument };
}

const searchOf = (url: string) => (url.includes('?') ? url.slice(url.indexOf('?')) : '');

const isNamed = ({ documentId, extensions }: GivenDocument) =>
  documentId !== undefined || (isRecord(extensions) && 'persistedQuery' in extensions);

/** A request's fields but for those that name its document, which would be Apollo's to answer. */
function withoutNames({ documentId: _, extensions, ...others }: Record<string, unknown>): Record<string, unknown> {
  if (!isRecord(extensions)) return extensions === undefined ? others : { ...others, extensions };
  const { persistedQuery: __, ...rest } = extensions;
  return Object.keys(rest).length > 0 ? { ...others, extensions: rest } : others;
}

function refuseDocument(request: FastifyRequest, reply: FastifyReply, refusal: IdentityError) {
  if (accepts(request, GRAPHQL_RESPONSE)) reply.type(`${GRAPHQL_RESPONSE}; charset=utf-8`);
  return refuse(reply, isAnsweredWith200(request, [refusal.code]) ? 200 : 400, refusal);
}

const GRAPHQL_RESPONSE = 'application/graphql-response+json';

const accepts = ({ headers }: FastifyRequest, mediaType: string) => (headers.accept ?? '').includes(mediaType);

/**
 * Whether a refusal of a well-formed request has the status 200: clients that name `application/json` and do not know
 * `application/graphql-response+json` take any other for the answer of a proxy (GraphQL over HTTP, 6.4.1). Clients of
 * Apollo take a hash that is not known for an answer, too.
 */
function isAnsweredWith200(request: FastifyRequest, codes: unknown[]): boolean {
  if (codes.length === 1 && codes[0] === 'PERSISTED_QUERY_NOT_FOUND') return true;
  const isLegacy = accepts(request, 'application/json') && !accepts(request, GRAPHQL_RESPONSE);
  return isLegacy && codes.length > 0 && !codes.includes('BAD_REQUEST');
}

const codesIn = (answer: string): unknown[] =>
  ((JSON.parse(answer) as FormattedExecutionResult).errors ?? []).map(({ extensions }) => extensions?.code);

const RETRY_STATUS = new Map<unknown, number>([
  ['SERVICE_OVERLOADED', 503],
  ['RATE_LIMITED', 429],
]);

/**
 * Where all of an operation failed and may be tried later: for proxies and clients that read no body. Null otherwise.
 */
function retryOf(answer: string): { status: number; afterSeconds: number } | null {
  // Few answers name it, and only they are read.
  if (!answer.includes('"retryAfterSeconds"')) return null;
  const { data, errors = [] } = JSON.parse(answer) as FormattedExecutionResult;
  const statuses = errors.map(({ extensions }) => RETRY_STATUS.get(extensions?.code) ?? 0);
  if (statuses.length === 0 || statuses.includes(0)) return null;
  if (Object.values(data ?? {}).some((value) => value !== null)) return null;
  const afterSeconds = Math.max(...errors.map(({ extensions }) => Number(extensions?.retryAfterSeconds ?? 1)));
  return { status: Math.max(...statuses), afterSeconds };
}

const MAX_USER_AGENT_LENGTH = 256;

/** Each header is read when it is asked for: most operations ask for none. */
function factsOf(request: FastifyRequest, addressOf: AddressOf): Omit<RequestFacts, 'cookies' | 'execution'> {
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
