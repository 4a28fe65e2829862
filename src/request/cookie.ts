/** How cookies are named and kept, and which origins' pages may use the refresh token. */
export interface CookiePolicy {
  /** Before each name. */
  prefix: string;
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
    prefix: secure ? '__Host-' : '',
    attributes: `Path=/; ${secure ? 'Secure; ' : ''}HttpOnly; SameSite=Strict`,
    origins: new Set([origin, ...corsOrigins]),
  };
}

/** A cookie of one request's browser: what it sent, and what it is told to keep. */
export class Cookie {
  /** The header for the answer; null where the browser keeps what it has. What is said last counts. */
  setCookie: string | null = null;

  constructor(
    private readonly name: string,
    protected readonly policy: CookiePolicy,
    protected readonly headers: { origin?: string; cookie?: string },
  ) {}

  set(value: string, expiresAt: Date): void {
    const { prefix, attributes } = this.policy;
    this.setCookie = `${prefix}${this.name}=${value}; Expires=${expiresAt.toUTCString()}; ${attributes}`;
  }

  clear(): void {
    this.set('', new Date(0));
  }

  /** All that came under the name: of two, somebody else set one. */
  values(): string[] {
    const name = this.policy.prefix + this.name;
    return (this.headers.cookie ?? '').split(';').flatMap((pair) => {
      const [given = '', ...value] = pair.split('=');
      return given.trim() === name ? [value.join('=').trim()] : [];
    });
  }
}
