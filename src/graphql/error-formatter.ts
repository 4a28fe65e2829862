import { randomUUID } from 'node:crypto';
import { unwrapResolverError } from '@apollo/server/errors';
import { type ASTNode, GraphQLError, type GraphQLFormattedError, Kind, parse, type Source, visit } from 'graphql';
import type { Logger } from 'pino';
import { oncePerOutage, outageOf } from '../database/outage.js';
import { badInput, beyondLimit, ERROR_CODES, type ErrorCode, IdentityError, unavailable } from '../errors.js';
import { MAX_TOKENS } from './document-rules.js';

/** An outage is said again after so long. */
const REPORT_EVERY_MS = 10_000;

const TOO_MANY_TOKENS = /\d tokens\. Parsing aborted\.$/;
const tooManyTokens = () =>
  beyondLimit('TOO_MANY_TOKENS', `The document has more than ${MAX_TOKENS} tokens.`, MAX_TOKENS);
const TOO_MUCH_TO_CHECK = /(Validation aborted|too many selections)\.$/;

/**
 * The document's own words never leave again: a client that puts a password in the wrong place would read it in its
 * logs.
 */
const REQUEST_MESSAGES = new Map<unknown, (error: GraphQLError) => string>([
  ['GRAPHQL_PARSE_FAILED', (error) => `The document is not GraphQL ${place(error)}.`],
  [
    'GRAPHQL_VALIDATION_FAILED',
    (error) =>
      TOO_MUCH_TO_CHECK.test(error.message)
        ? 'The document has too much to be checked.'
        : (misfitLiteral(error) ?? error.message),
  ],
  [
    'BAD_REQUEST',
    ({ message }) =>
      message.startsWith('Unknown operation named') ? 'The document has no operation of that name.' : message,
  ],
]);

/** Characters of a message that quotes names of the document, which may be as long as it is. */
const MAX_MESSAGE_LENGTH = 300;

const shortened = (message: string) =>
  message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…` : message;

const APOLLO_CODES = new Map<unknown, ErrorCode>([['OPERATION_RESOLUTION_FAILURE', 'BAD_REQUEST']]);

const place = (error: GraphQLError) =>
  (error.locations ?? []).map(({ line, column }) => `at line ${line}, column ${column}`).join(', ');

const VALUES: readonly string[] = [Kind.INT, Kind.FLOAT, Kind.STRING, Kind.BOOLEAN, Kind.ENUM, Kind.LIST, Kind.OBJECT];

/** For an error about a literal in the document: a sentence that names its path and not its value. */
function misfitLiteral(error: GraphQLError): string | null {
  // These name fields and types alone.
  if (/^Field "[\w.]+" (is not defined by|of required) type /.test(error.message)) return null;
  const culprit = error.nodes?.find(({ kind }) => VALUES.includes(kind));
  if (!culprit?.loc) return error.nodes?.length ? null : 'A value in the document does not fit its type.';
  const ours = error.message.startsWith('must ') ? error.message : 'does not fit its type';
  return `${pathInDocument(culprit.loc.source, culprit)} ${ours} ${place(error)}.`;
}

/** The paths of each document's values, found once for all of its errors. */
const pathsBySource = new WeakMap<Source, Map<string, string>>();

function pathInDocument(source: Source, culprit: ASTNode): string {
  const paths = pathsBySource.get(source) ?? pathsOfValues(source);
  pathsBySource.set(source, paths);
  return paths.get(keyOf(culprit)) || 'A value';
}

const keyOf = ({ kind, loc }: ASTNode) => `${kind} ${loc?.start}`;

function pathsOfValues(source: Source): Map<string, string> {
  const paths = new Map<string, string>();
  const names: string[] = [];
  visit(parse(source), {
    enter(node) {
      if ('name' in node && node.name && node.kind !== Kind.VARIABLE) names.push(node.name.value);
      if (VALUES.includes(node.kind)) paths.set(keyOf(node), names.join('.'));
    },
    leave(node) {
      if ('name' in node && node.name && node.kind !== Kind.VARIABLE) names.pop();
    },
  });
  return paths;
}

/**
 * Of GraphQL, where a variable may be null and its place may not: it is known only when the field's turn comes, and the
 * message holds the value.
 */
const MISFIT_ARGUMENT = /^Argument "(\w+)" (?:of (?:required|non-null) type|has invalid value)/;

/** Apollo gives a few of its refusals a status and no code. */
const isRefusal = (error: unknown) =>
  error instanceof GraphQLError &&
  error.extensions.code === undefined &&
  /^4\d\d$/.test(String((error.extensions.http as { status?: number } | undefined)?.status));

const isErrorCode = (code: unknown): code is ErrorCode => typeof code === 'string' && Object.hasOwn(ERROR_CODES, code);

/**
 * The one place that decides what a client reads of an error. Ours pass; those about the request are reworded so that
 * no value is echoed; an outage of the database is SERVICE_OVERLOADED; all others become INTERNAL_SERVER_ERROR and are
 * logged with their cause under the same id. Where names are hidden, a document that does not fit is told so and no more:
 * where it does not fit, and what would, are what a schema is rebuilt from.
 */
export function errorFormatter(log: Logger, { hidesNames }: { hidesNames: boolean }) {
  const report = oncePerOutage(({ reason }, facts) => log.error(facts, reason), REPORT_EVERY_MS);
  return (formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError => {
    const { locations, path } = formatted;
    const where = { ...(locations && { locations }), ...(path && { path }) };
    const cause = unwrapResolverError(error);
    if (cause instanceof IdentityError) {
      return { message: cause.message, ...where, extensions: { ...formatted.extensions } };
    }
    const inPlace = ({ message, extensions }: IdentityError) => ({ message, ...where, extensions: { ...extensions } });
    const outage = outageOf(error);
    if (outage) {
      report(outage, { requestId: formatted.extensions?.requestId, path });
      return inPlace(unavailable(outage.retryAfterSeconds));
    }
    const words = cause instanceof GraphQLError ? cause.message : '';
    const argument = MISFIT_ARGUMENT.exec(words)?.[1];
    if (argument) return inPlace(badInput(argument, 'has a variable that is null or not given'));
    if (TOO_MANY_TOKENS.test(words)) return inPlace(tooManyTokens());
    const given = formatted.extensions?.code;
    const code = APOLLO_CODES.get(given) ?? (isRefusal(cause) ? 'BAD_REQUEST' : given);
    if (hidesNames && code === 'GRAPHQL_VALIDATION_FAILED')
      return { message: 'The document does not fit the schema.', extensions: { code } };
    if (cause instanceof GraphQLError && isErrorCode(code) && code !== 'INTERNAL_SERVER_ERROR') {
      const message = REQUEST_MESSAGES.get(code)?.(cause) ?? cause.message;
      return { message: shortened(message), ...where, extensions: { code } };
    }
    const requestId = formatted.extensions?.requestId ?? randomUUID();
    // What fails outside a resolver comes wrapped, and its own fields are those that say why.
    const err = cause instanceof GraphQLError ? (cause.originalError ?? cause) : cause;
    log.error({ err, requestId, path }, 'unexpected error');
    return {
      message: 'Something went wrong on our side.',
      ...where,
      extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
    };
  };
}
