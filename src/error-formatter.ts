import { randomUUID } from 'node:crypto';
import { unwrapResolverError } from '@apollo/server/errors';
import { type ASTNode, GraphQLError, type GraphQLFormattedError, Kind, parse, visit } from 'graphql';
import type { Logger } from 'pino';
import { ERROR_CODES, type ErrorCode, IdentityError } from './errors.js';

/** The document's own words never leave again: a client that puts a password in the wrong place would read it in its logs. */
const REQUEST_MESSAGES: Partial<Record<string, (error: GraphQLError) => string>> = {
  GRAPHQL_PARSE_FAILED: (error) => `The document is not GraphQL ${place(error)}.`,
  GRAPHQL_VALIDATION_FAILED: (error) => misfitLiteral(error) ?? error.message,
};

const APOLLO_CODES: Partial<Record<string, ErrorCode>> = { OPERATION_RESOLUTION_FAILURE: 'BAD_REQUEST' };

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
  return `${pathInDocument(culprit.loc.source.body, culprit)} ${ours} ${place(error)}.`;
}

function pathInDocument(source: string, culprit: ASTNode): string {
  const names: string[] = [];
  let found: string[] = [];
  visit(parse(source), {
    enter(node) {
      if ('name' in node && node.name && node.kind !== Kind.VARIABLE) names.push(node.name.value);
      if (node.kind === culprit.kind && node.loc?.start === culprit.loc?.start) found = [...names];
    },
    leave(node) {
      if ('name' in node && node.name && node.kind !== Kind.VARIABLE) names.pop();
    },
  });
  return found.join('.') || 'A value';
}

const isErrorCode = (code: unknown): code is ErrorCode => typeof code === 'string' && code in ERROR_CODES;

/**
 * The one place that decides what a client reads of an error. Ours pass; those about the request are reworded so that
 * no value is echoed; all others become INTERNAL_SERVER_ERROR and are logged with their cause under the same id.
 */
export function errorFormatter(log: Logger) {
  return (formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError => {
    const { locations, path } = formatted;
    const where = { ...(locations && { locations }), ...(path && { path }) };
    const cause = unwrapResolverError(error);
    if (cause instanceof IdentityError) {
      return { message: cause.message, ...where, extensions: { ...formatted.extensions } };
    }
    const given = formatted.extensions?.code;
    const code = APOLLO_CODES[String(given)] ?? given;
    if (cause instanceof GraphQLError && isErrorCode(code) && code !== 'INTERNAL_SERVER_ERROR') {
      const message = REQUEST_MESSAGES[code]?.(cause) ?? cause.message;
      return { message, ...where, extensions: { code } };
    }
    const requestId = formatted.extensions?.requestId ?? randomUUID();
    log.error({ err: cause, requestId, path }, 'unexpected error');
    return {
      message: 'Something went wrong on our side.',
      ...where,
      extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
    };
  };
}
