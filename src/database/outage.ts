/** Why the database does nothing at the moment, and when to ask again. It is no fault of ours, nor of the client. */
export interface Outage {
  reason: string;
  retryAfterSeconds: number;
}

/** By SQLSTATE, whole or its class (PostgreSQL, appendix A), or by Node.js' code. */
const REASONS = new Map<string, Outage>(
  Object.entries({
    '25006': { reason: 'database takes no writes', retryAfterSeconds: 10 },
    '40001': { reason: 'database was asked for the same by several', retryAfterSeconds: 1 },
    '40P01': { reason: 'database was asked for the same by several', retryAfterSeconds: 1 },
    '55P03': { reason: 'database was asked for the same by several', retryAfterSeconds: 1 },
    '57014': { reason: 'database took too long', retryAfterSeconds: 5 },
    '57P': { reason: 'database is starting or stopping', retryAfterSeconds: 5 },
    '53': { reason: 'database has no room', retryAfterSeconds: 10 },
    '58': { reason: 'database cannot use its disk', retryAfterSeconds: 10 },
    '08': { reason: 'database does not answer', retryAfterSeconds: 5 },
  }),
);
const UNREACHABLE = /^(ECONN(REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|E(HOST|NET)(UNREACH|DOWN)|ENOTFOUND|EAI_AGAIN)$/;
/** A certificate that is not trusted, or not any more (Node.js, TLS, X509 certificate error codes). */
export const UNTRUSTED = /^ERR_(TLS|SSL)_|CERT|^UNABLE_TO_VERIFY/;
/** The driver's own, which have no code. */
const CONNECTION_LOST = /^Connection terminated|^Client has encountered a connection error|^Client was closed/;
const NO_CONNECTION_FREE = /^timeout exceeded when trying to connect/;

const NO_ANSWER: Outage = { reason: 'database does not answer', retryAfterSeconds: 5 };
const ALL_BUSY: Outage = { reason: 'database has no connection free', retryAfterSeconds: 2 };

/** The outage behind an error, or null for any other error. */
export function outageOf(error: unknown): Outage | null {
  for (let at = error; at instanceof Error; ) {
    const { code, message, cause, originalError } = at as Error & { code?: string; originalError?: unknown };
    const found = typeof code === 'string' ? byCode(code) : byMessage(message);
    if (found) return found;
    at = cause ?? originalError;
  }
  return null;
}

const byCode = (code: string): Outage | null =>
  UNREACHABLE.test(code) || UNTRUSTED.test(code)
    ? NO_ANSWER
    : ([code, code.slice(0, 3), code.slice(0, 2)].map((name) => REASONS.get(name)).find(Boolean) ?? null);

function byMessage(message: string): Outage | null {
  if (NO_CONNECTION_FREE.test(message)) return ALL_BUSY;
  return CONNECTION_LOST.test(message) ? NO_ANSWER : null;
}

/**
 * Says it once, and again when another reason or `quietMs` is over: one outage is one line, not one for each request.
 */
export function oncePerOutage(say: (outage: Outage, facts: object) => void, quietMs: number) {
  const saidAt = new Map<string, number>();
  return (outage: Outage, facts: object): void => {
    const now = performance.now();
    if (now - (saidAt.get(outage.reason) ?? Number.NEGATIVE_INFINITY) < quietMs) return;
    saidAt.set(outage.reason, now);
    say(outage, facts);
  };
}
