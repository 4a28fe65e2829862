import { GraphQLError } from 'graphql';

/** Every code that an answer can carry, with what it means. The list is closed: clients may switch over it. */
export const ERROR_CODES = {
  UNAUTHENTICATED: 'The request is not signed in; `reason` says why: MISSING, EXPIRED, INVALID or REVOKED.',
  FORBIDDEN: 'The signed-in user may not do this, or a page of this origin may not.',
  BAD_USER_INPUT: 'An argument does not fit; `path` or `issues` name the place, never the value.',
  NOT_FOUND: 'There is no such thing.',
  CONFLICT: 'The thing was changed by somebody else in the meantime.',
  INVALID_CREDENTIALS: 'E-mail and password do not belong to an open account.',
  REAUTHENTICATION_REQUIRED: 'The session is older than 5 minutes: confirm with the password, or sign in again first.',
  INVALID_TOKEN:
    'The token of a link is unknown, used or too old, or an acknowledgement is not signed by a participant.',
  EMAIL_TAKEN: 'There is an open account with this e-mail address.',
  WEAK_PASSWORD: "The password is too short, too common, or the user's own name or address.",
  ACCOUNT_DISABLED: 'The account exists and is switched off.',
  LAST_ADMIN: 'The last active admin cannot go.',
  RATE_LIMITED: 'Too many attempts; `retryAfterSeconds` says when to come back.',
  SERVICE_OVERLOADED:
    'Too much to do at the moment, or the database cannot do it; `retryAfterSeconds` says when to come back.',
  BAD_REQUEST: 'The HTTP request is not a GraphQL request that this server takes.',
  GRAPHQL_PARSE_FAILED: 'The document is not GraphQL.',
  GRAPHQL_VALIDATION_FAILED: 'The document does not fit the schema.',
  BODY_TOO_LARGE: 'The body has more bytes than `limit`.',
  TOO_MANY_TOKENS: 'The document has more words and signs than `limit`.',
  TOO_MANY_LINES: 'The document has more lines than `limit`.',
  TOO_MANY_FRAGMENTS: 'The document has more fragments than `limit`.',
  TOO_DEEP: 'Fields lie within one another on more levels than `limit`.',
  TOO_MANY_ROOT_FIELDS: 'The operation has more root fields than `limit`.',
  TOO_MANY_ALIASES: 'The operation has more aliases than `limit`.',
  TOO_MANY_DIRECTIVES: 'A field or a spread has more directives than `limit`.',
  TOO_COSTLY: 'The operation may read more objects, or has more fields, than `limit`; ask for smaller pages.',
  EXECUTION_TIMEOUT: 'The operation took more seconds than `limit`; what is left of it was not begun.',
  RESPONSE_TOO_LARGE: 'The answer to the query has more bytes than `limit`; ask for smaller pages.',
  ONCE_PER_OPERATION: 'The operation has more fields with `@once` than `limit`; send them one by one.',
  PERSISTED_QUERY_NOT_FOUND: 'The server does not know this hash; send the document along.',
  PERSISTED_QUERY_NOT_SUPPORTED: 'This server takes no persisted queries.',
  DOCUMENT_NOT_TRUSTED: 'This server runs the documents of a manifest, and this is none of them.',
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
  limit?: number;
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
  EXPIRED: 'The token has run out. Refresh it, or sign in again.',
  INVALID: 'The token is not one of ours.',
  REVOKED: 'The session is over: it was ended, or its account is closed or switched off.',
};

export const unauthenticated = (reason: UnauthenticatedReason) =>
  new IdentityError('UNAUTHENTICATED', UNAUTHENTICATED[reason], { reason });
export const badRequest = (message: string) => new IdentityError('BAD_REQUEST', message);
export const forbidden = () => new IdentityError('FORBIDDEN', 'You may not do this.');
export const foreignOrigin = () =>
  new IdentityError(
    'FORBIDDEN',
    'The cookie with the refresh token is not for this page: the header Origin must be that of PUBLIC_URL or one of CORS_ORIGINS.',
  );
export const badInput = (path: string, message: string) =>
  new IdentityError('BAD_USER_INPUT', `${path} ${message}`, { path });
export const badInputs = (issues: Issue[]) =>
  new IdentityError('BAD_USER_INPUT', issues.map(({ path, message }) => `${path} ${message}`).join('; '), { issues });
export const notFound = (what: string) => new IdentityError('NOT_FOUND', `There is no such ${what}.`);
export const invalidCredentials = () =>
  new IdentityError('INVALID_CREDENTIALS', 'E-mail and password do not belong to an open account.');
export const reauthenticationRequired = () =>
  new IdentityError('REAUTHENTICATION_REQUIRED', 'Confirm with your password, or sign in again first.');
export const conflict = (message: string) => new IdentityError('CONFLICT', message);
export const accountDisabled = () => new IdentityError('ACCOUNT_DISABLED', 'This account is switched off.');
export const invalidToken = () =>
  new IdentityError('INVALID_TOKEN', 'The link is no longer good: it was used, is too old, or is not one of ours.');
export const emailTaken = (path?: string) =>
  new IdentityError('EMAIL_TAKEN', 'There is an account with this e-mail address.', { path });
export const weakPassword = (path: string, why: string) =>
  new IdentityError('WEAK_PASSWORD', `The password ${why}.`, { path });
export const lastAdmin = () => new IdentityError('LAST_ADMIN', 'The last active admin cannot go.');
export const overloaded = (retryAfterSeconds: number) =>
  new IdentityError('SERVICE_OVERLOADED', 'Too much to do at the moment. Try again soon.', { retryAfterSeconds });
export const rateLimited = (retryAfterSeconds: number) =>
  new IdentityError('RATE_LIMITED', 'Too many attempts. Try again later.', { retryAfterSeconds });
/** A request that is larger than it may be; `limit` is what it may be. */
export const beyondLimit = (code: ErrorCode, message: string, limit: number) =>
  new IdentityError(code, message, { limit });

export const executionTimeout = (seconds: number) =>
  beyondLimit('EXECUTION_TIMEOUT', `The operation took longer than ${seconds} seconds.`, seconds);
export const responseTooLarge = (bytes: number) =>
  beyondLimit('RESPONSE_TOO_LARGE', `The answer has more than ${bytes} bytes: ask for less.`, bytes);
/** Clients know these two by their messages, not only by their codes. */
export const persistedQueryNotFound = () => new IdentityError('PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound');
export const persistedQueryNotSupported = () =>
  new IdentityError('PERSISTED_QUERY_NOT_SUPPORTED', 'PersistedQueryNotSupported');
export const notTrusted = () =>
  new IdentityError('DOCUMENT_NOT_TRUSTED', 'This document is not one that this server runs.');

export const unavailable = (retryAfterSeconds: number) =>
  new IdentityError('SERVICE_OVERLOADED', 'This cannot be done at the moment. Try again soon.', { retryAfterSeconds });

/** Codes that any guarded field may fail with, so no field lists them. */
export const GENERAL_CODES: readonly ErrorCode[] = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'RATE_LIMITED',
  'SERVICE_OVERLOADED',
  'EXECUTION_TIMEOUT',
];
