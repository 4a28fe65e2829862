import { foreignOrigin, IdentityError, unauthenticated } from '../errors.js';
import { Cookie, type CookiePolicy } from './cookie.js';

/** What a refresh token is written in. Decoding would pass over anything else. */
const BASE64URL = /^[\w-]+$/;

/** The refresh token of one request's browser. */
export class RefreshCookie extends Cookie {
  constructor(policy: CookiePolicy, headers: { origin?: string; cookie?: string }) {
    super('gatehouse-refresh', policy, headers);
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
    return this.values().length > 0;
  }

  /**
   * SameSite is about sites, and other hosts and ports are of the same one: so the origin must be known, and said
   * (OWASP, CSRF Prevention).
   * @throws {IdentityError} as `trade`.
   */
  token(): string {
    const { origin = '' } = this.headers;
    if (!this.policy.origins.has(origin)) throw foreignOrigin();
    const [value, ...others] = this.values();
    if (value === undefined) throw unauthenticated('MISSING');
    if (others.length > 0 || !BASE64URL.test(value)) throw unauthenticated('INVALID');
    return value;
  }
}
