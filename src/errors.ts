import { randomUUID } from 'node:crypto';
import { unwrapResolverError } from '@apollo/server/errors';
import { type ASTNode, GraphQLError, type GraphQLFormattedError, Kind, parse, visit } from 'graphql';
import type { Logger } from 'pino';

/** Every code that an answer can carry, with what it means. The list is closed: clients may switch over it. */
export const ERROR_CODES = {
  UNAUTHENTICATED: 'Nobody is signed in; `reason` says why: MISSING, EXPIRED, INVALID or REVOKED.',
  FORBIDDEN: 'The signed-in user may not do this.',
  BAD_USER_INPUT: 'An argument does not fit; `path` or `issues` name the place, never the value.',
  NOT_FOUND: 'There is no such thing.',
  CONFLICT: 'The thing was changed by somebody else in the meantime.',
  INVALID_CREDENTIALS: 'E-mail and password do not belong to an open account.',
  EMAIL_TAKEN: 'There is an open account with this e-mail address.',
  WEAK_PASSWORD: 'The password is too short or too common.',
  ACCOUNT_DISABLED: 'The account exists and is switched off.',
  LAST_ADMIN: 'The last active admin cannot go.',
  RATE_LIMITED: 'Too many attempts; `retryAfterSeconds` says when to come back.',
  SERVICE_OVERLOADED: 'Too much to do at the moment; `retryAfterSeconds` says when to come back.',
  BAD_REQUEST: 'The HTTP request is not a GraphQL request that this server takes.',
  GRAPHQL_PARSE_FAILED: 'The document is not GraphQL.',
  GRAPHQL_VALIDATION_FAILED: 'The document does not fit the schema.',
  PERSISTED_QUERY_NOT_FOUND: 'The server does not know this hash yet; send the document along.',
  PERSISTED_QUERY_NOT_SUPPORTED: 'This server takes no persisted queries.',
  INTERNAL_SERVER_ERROR: 'A fault of the server; its log has the details under `requestId`.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Why a request has no viewer. */
export type UnauthenticatedReason = 'MISSING' | 'EXPIRED' | 'INVALID' | 'REVOKED';

export interface Issue {
  /** Where in the variables or the document, such as `input.email`. */
  path: string;
  message: string;
}

interface Details {
  path?: string;
  issues?: Issue[];
  reason?: UnauthenticatedReason;
  retryAfterSeconds?: number;
}

/** A failure that the caller was meant to read. Everything else that is thrown is masked. */
export class IdentityError extends GraphQLError {
  constructor(
    readonly code: ErrorCode,
    message: string,
    details: Details = {},
  ) {
    super(message, { extensions: { code, ...details } });
  }
}

const UNAUTHENTICATED: Record<UnauthenticatedReason, string> = {
  MISSING: 'Sign in first: send the header Authorization: Bearer <access token>.',
  EXPIRED: 'The access token has run out. Sign in again.',
  INVALID: 'The access token is not one of ours.',
  REVOKED: 'The account of this access token is closed or switched off.',
};

export const unauthenticated = (reason: UnauthenticatedReason) =>
  new IdentityError('UNAUTHENTICATED', UNAUTHENTICATED[reason], { reason });
export const forbidden = () => new IdentityError('FORBIDDEN', 'You may not do this.');
export const badInput = (path: string, message: string) =>
  new IdentityError('BAD_USER_INPUT', `${path} ${message}`, { path });
export const badInputs = (issues: Issue[]) =>
  new IdentityError('BAD_USER_INPUT', issues.map(({ path, message }) => `${path} ${message}`).join('; '), { issues });
export const notFound = (what: string) => new IdentityError('NOT_FOUND', `There is no such ${what}.`);
export const invalidCredentials = () =>
  new IdentityError('INVALID_CREDENTIALS', 'E-mail and password do not belong to an open account.');
export const accountDisabled = () => new IdentityError('ACCOUNT_DISABLED', 'This account is switched off.');
export const emailTaken = () =>
  new IdentityError('EMAIL_TAKEN', 'There is an account with this e-mail address.', { path: 'input.email' });
export const weakPassword = (why: string) =>
  new IdentityError('WEAK_PASSWORD', `The password ${why}.`, { path: 'input.password' });
export const lastAdmin = () => new IdentityError('LAST_ADMIN', 'The last active admin cannot be deleted.');
export const overloaded = (retryAfterSeconds: number) =>
  new IdentityError('SERVICE_OVERLOADED', 'Too much to do at the moment. Try again soon.', { retryAfterSeconds });

/** Codes that any guarded field may fail with, so no field lists them. */
export const GENERAL_CODES: readonly ErrorCode[] = ['UNAUTHENTICATED', 'FORBIDDEN', 'RATE_LIMITED'];

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
  const culprit = error.nodes?.find((node) => VALUES.includes(node.kind) || node.kind === Kind.OBJECT_FIELD);
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
      return { message: cause.message, ...where, extensions: { ...cause.extensions } };
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
