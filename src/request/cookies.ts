import { Cookie, type CookiePolicy } from './cookie.js';
import { RefreshCookie } from './refresh-cookie.js';

/** The cookies of one request's browser. */
export class Cookies {
  readonly refresh: RefreshCookie;
  /** By which a sign-in knows the device. It may be sent from any page, for it opens nothing. */
  readonly device: Cookie;

  constructor(policy: CookiePolicy, headers: { origin?: string; cookie?: string }) {
    this.refresh = new RefreshCookie(policy, headers);
    this.device = new Cookie('gatehouse-device', policy, headers);
  }

  /** For the header Set-Cookie of the answer. */
  get set(): string[] {
    return [this.refresh, this.device].flatMap(({ setCookie }) => setCookie ?? []);
  }
}
