import { foreignOrigin, IdentityError, unauthenticated } from '../errors.js';

/** What a refresh token is written in. Decoding would pass over anything else. */
const BASE64URL = /^[\w-]+$/;

/** How the cookie is named and kept, and which origins' pages may use it. */
export interface CookiePolicy {
  name: string;
  attributes: string;
  origins: ReadonlySet<string>;
}

/**
 * `__Host-` lets no other host of the site set the cookie, and needs Secure (RFC 6265bis, 4.1.3.2). Over http, which is
 * for development, there is neither: Safari would not keep it, on localhost either.
 */
export function cookiePolicy({
  publicUrl,
  corsOrigins,
}: {
  publicUrl: string;
  corsOrigins: readonly string[];
}): CookiePolicy {
  const { origin, protocol } = new URL(publicUrl);
  const secure = protocol === 'https:';
  return {
    name: secure ? '__Host-gatehouse-refresh' : 'gatehouse-refresh',
    attributes: `Path=/; ${secure ? 'Secure; ' : ''}HttpOnly; SameSite=Strict`,
    origins: new Set([origin, ...corsOrigins]),
  };
}

/** The refresh token of one request's browser: what it sent, and what it is told to keep. */
export class RefreshCookie {
  /** The header for the answer; null where the browser keeps what it has. What is said last counts. */
  setCookie: string | null = null;

  constructor(
    private readonly policy: CookiePolicy,
    private readonly headers: { origin?: string; cookie?: string },
  ) {}

  set(refreshToken: string, expiresAt: Date): void {
    const { name, attributes } = this.policy;
    this.setCookie = `${name}=${refreshToken}; Expires=${expiresAt.toUTCString()}; ${attributes}`;
  }

  clear(): void {
    this.set('', new Date(0));
  }

  /**
   * Trades the browser's token; one whose session is over goes from the browser, too.
   * @throws {IdentityError} FORBIDDEN for an origin that may not use the cookie; UNAUTHENTICATED with the reason
   *   MISSING or INVALID, and what `refresh` throws.
   */
  async trade<T>(refresh: (refreshToken: string) => Promise<T>): Promise<T> {
    const token = this.token();
    try {
      return await refresh(token);
    } catch (error) {
      // Not for INVALID: a tab with the token from before a change of password must not take the new one away.
      if (error instanceof IdentityError && /^(REVOKED|EXPIRED)$/.test(String(error.extensions.reason))) this.clear();
      throw error;
    }
  }

  /** Whether the browser has sent it, good or not. */
  get isSent(): boolean {
    return this.#values().length > 0;
  }

  /**
   * SameSite is about sites, and other hosts and ports are of the same one: so the origin must be known, and said
   * (OWASP, CSRF Prevention).
   * @throws {IdentityError} as `trade`.
   */
  token(): string {
    const { origin = '' } = this.headers;
    if (!this.policy.origins.has(origin)) throw foreignOrigin();
    const [value, ...others] = this.#values();
    if (value === undefined) throw unauthenticated('MISSING');
    // Of two with one name, somebody else set one.
    if (others.length > 0 || !BASE64URL.test(value)) throw unauthenticated('INVALID');
    return value;
  }

  #values(): string[] {
    return valuesOf(this.policy.name, this.headers.cookie ?? '');
  }
}

const valuesOf = (name: string, header: string): string[] =>
  header.split(';').flatMap((pair) => {
    const [given = '', ...value] = pair.split('=');
    return given.trim() === name ? [value.join('=').trim()] : [];
  });
