import type { ErrorCode } from './schema.js';

/** An error of an answer, as the server sends it. */
export interface AnswerError {
  message: string;
  path?: (string | number)[];
  extensions?: {
    code?: ErrorCode;
    reason?: 'MISSING' | 'EXPIRED' | 'INVALID' | 'REVOKED';
    path?: string;
    issues?: { path: string; message: string }[];
    retryAfterSeconds?: number;
    limit?: number;
    requestId?: string;
  };
}

/** `NETWORK_ERROR`: there was no answer, or one of no Gatehouse. */
export type GatehouseCode = ErrorCode | 'NETWORK_ERROR';

/** Why something failed: switch over `code`. The first error of the answer counts; all are in `errors`. */
export class GatehouseError extends Error {
  override name = 'GatehouseError';
  readonly code: GatehouseCode;
  /** With UNAUTHENTICATED. */
  readonly reason: 'MISSING' | 'EXPIRED' | 'INVALID' | 'REVOKED' | undefined;
  /** With BAD_USER_INPUT and others: where in the variables, such as `input.email`. */
  readonly path: string | undefined;
  /** With RATE_LIMITED and SERVICE_OVERLOADED: seconds until it may be tried again. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly errors: readonly AnswerError[],
    options?: ErrorOptions,
  ) {
    const [first] = errors;
    super(first?.message ?? 'There was no answer.', options);
    this.code = first?.extensions?.code ?? 'NETWORK_ERROR';
    this.reason = first?.extensions?.reason;
    this.path = first?.extensions?.path ?? first?.extensions?.issues?.[0]?.path;
    this.retryAfterSeconds = first?.extensions?.retryAfterSeconds;
  }
}
