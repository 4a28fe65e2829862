import { IdentityError, unauthenticated } from '../errors.js';
import type { Actor, NamedSession, Viewer } from '../request/actor.js';
import type { RefreshCookie } from '../request/refresh-cookie.js';
import type { Session } from './session.entity.js';
import type { SessionService } from './session.service.js';

/** Who signs out, by access token or cookie. */
interface SigningOut {
  viewer: Viewer;
  cookie: RefreshCookie | null;
}

/** Signs out also with an access token that has run out. */
export class SignOutService {
  constructor(private readonly sessions: SessionService) {}

  /**
   * Ends the sessions that the request names: that of its access token, also of one that is too old, and that of its
   * cookie. Answers how many; 0 where they are over already.
   * @throws {IdentityError} UNAUTHENTICATED where nothing names a session, FORBIDDEN for a cookie on a page of a
   *   foreign origin, unless somebody is signed in.
   */
  async here(actor: Actor, { viewer, cookie }: SigningOut): Promise<number> {
    const byToken = viewer.id === null ? viewer.was : namedOf(viewer);
    const byCookie = await this.#sessionOfCookie(viewer, cookie);
    if (viewer.id === null && !byToken && byCookie === undefined) throw unauthenticated(viewer.reason);
    let revoked = byToken ? await this.sessions.revoke(actor, byToken, { only: byToken.sessionId }) : 0;
    if (byCookie) revoked += await this.sessions.revoke(actor, nameOf(byCookie), { only: byCookie.id });
    return revoked;
  }

  /**
   * Ends all sessions of the viewer, or of the user whose open session the cookie is of. An access token that is too
   * old ends none: it may lie in a log for years.
   * @throws {IdentityError} as `here`.
   */
  async everywhere(actor: Actor, { viewer, cookie }: SigningOut): Promise<number> {
    const byCookie = await this.#sessionOfCookie(viewer, cookie);
    const isActive = byCookie && byCookie.endedAt === null && byCookie.expiresAt > new Date();
    if (byCookie !== undefined && !isActive) cookie?.clear();
    if (viewer.id === null && !isActive) throw unauthenticated(viewer.reason);
    let revoked = viewer.id === null ? 0 : await this.sessions.revoke(actor, namedOf(viewer));
    // The cookie may be of another account than the access token: then that one is signed out here alone.
    if (isActive)
      revoked += await this.sessions.revoke(actor, nameOf(byCookie), viewer.id === null ? {} : { only: byCookie.id });
    return revoked;
  }

  /**
   * The session of the cookie, null if it is gone, undefined without a cookie that counts. A viewer needs none, so
   * theirs may be of any origin.
   */
  async #sessionOfCookie(viewer: Viewer, cookie: RefreshCookie | null): Promise<Session | null | undefined> {
    if (!cookie?.isSent) return undefined;
    try {
      return await this.sessions.ofToken(cookie.token());
    } catch (error) {
      if (!(error instanceof IdentityError)) throw error;
      if (error.code === 'FORBIDDEN' && viewer.id === null) throw error;
      // What is no token of ours is of no use to the browser either.
      if (error.code === 'UNAUTHENTICATED') cookie.clear();
      return undefined;
    }
  }
}

const namedOf = ({ id, sessionId }: { id: string; sessionId: string }): NamedSession => ({ userId: id, sessionId });

const nameOf = ({ id, userId }: Session): NamedSession => ({ userId, sessionId: id });
