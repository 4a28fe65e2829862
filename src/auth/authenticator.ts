import type { AccessTokens } from '../keys/access-token.js';
import type { Viewer } from '../request/actor.js';
import { viewerOf } from '../request/context.js';
import type { RequestMemo } from '../request/request-memo.js';
import type { SessionService } from '../session/session.service.js';
import type { UserService } from '../user/user.service.js';

/** Says who asks, by the header Authorization (RFC 6750, 2.1). */
export class Authenticator {
  constructor(
    private readonly tokens: AccessTokens,
    private readonly users: UserService,
    private readonly sessions: SessionService,
  ) {}

  /**
   * Account and session decide, not the token: a deletion, deactivation, change of role or sign-out counts from the
   * next request on.
   */
  async authenticate(authorization: string | undefined, memo: RequestMemo): Promise<Viewer> {
    if (!authorization) return { id: null, reason: 'MISSING' };
    const [, token] = /^Bearer ([\w.-]+)$/i.exec(authorization) ?? [];
    const verified = this.tokens.verify(token ?? '');
    if ('reason' in verified) return { id: null, ...verified };
    const [user, isActive] = await Promise.all([
      this.users.find({ memo }, verified.userId),
      this.sessions.isActive(verified),
    ]);
    if (user?.canSignIn && isActive) return viewerOf(user, verified.sessionId);
    return { id: null, reason: 'REVOKED', was: verified };
  }
}
