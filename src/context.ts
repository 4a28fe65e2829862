import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { AuditService } from './audit/audit.service.js';
import type { AuditDigests } from './audit/audit-digests.js';
import { type AuditSource, AuditTrail } from './audit/audit-trail.js';
import { AuthService } from './auth/auth.service.js';
import type { Passwords } from './auth/password.js';
import { PasswordResetService } from './auth/password-reset.service.js';
import type { AccessTokens } from './auth/token.js';
import type { Cache } from './cache.js';
import type { UnauthenticatedReason } from './errors.js';
import type { Cursors } from './paging/cursor.js';
import type { RefreshCookie } from './session/refresh-cookie.js';
import type { RefreshTokens } from './session/refresh-token.js';
import type { Client } from './session/session.entity.js';
import { type SessionLifetimes, SessionService } from './session/session.service.js';
import { EmailService } from './user/email.service.js';
import { type RoleName, roleName } from './user/role.entity.js';
import { type RoleLoader, roleLoader } from './user/role.loader.js';
import type { User } from './user/user.entity.js';
import { UserService } from './user/user.service.js';

/** Who asks: a user with an open account, or nobody and why. */
export type Viewer = { id: string; role: RoleName; sessionId: string } | { id: null; reason: UnauthenticatedReason };

/** The viewer of a field whose rule lets nobody in who is not signed in. */
export function signedIn({ viewer }: Pick<Context, 'viewer'>) {
  if (viewer.id === null) throw new TypeError('a field without a rule asked who is signed in');
  return viewer;
}

export const viewerOf = ({ id, roleId }: User, sessionId: string): Viewer => ({
  id,
  role: roleName(roleId),
  sessionId,
});

/** The viewer is nobody for the rest of the operation, and their browser forgets its refresh token. */
export function signOut(context: Context): void {
  context.viewer = { id: null, reason: 'REVOKED' };
  context.refreshCookie?.clear();
}

/** What lives as long as the process and every request uses. */
export interface Parts {
  em: EntityManager;
  cache: Cache;
  passwords: Passwords;
  tokens: AccessTokens;
  auditDigests: AuditDigests;
  cursors: Cursors;
  refreshTokens: RefreshTokens;
  sessionLifetimes: SessionLifetimes;
  log: Logger;
}

/** All that a resolver may reach. */
export interface Context {
  requestId: string;
  /** What signs in, out or changes the viewer changes it for the rest of the operation. */
  viewer: Viewer;
  /** Objects of this answer whose own values may be read by somebody who is not their user: the token that led to them says so. */
  disclosed: WeakSet<object>;
  client: Client;
  /** null where refresh tokens travel in the payload. */
  refreshCookie: RefreshCookie | null;
  em: EntityManager;
  tokens: AccessTokens;
  users: UserService;
  roles: RoleLoader;
  auth: AuthService;
  passwordResets: PasswordResetService;
  emails: EmailService;
  sessions: SessionService;
  audit: AuditTrail;
  auditEvents: AuditService;
}

/** What a request says of itself. */
export interface RequestFacts {
  requestId: string;
  authorization: string | undefined;
  client: Client;
  refreshCookie: RefreshCookie | null;
}

export async function createContext(
  parts: Parts,
  { requestId, authorization, client, refreshCookie }: RequestFacts,
): Promise<Context> {
  const { em, cache, passwords, tokens, cursors, log } = parts;
  const audit = new AuditTrail(em, parts.auditDigests, () => sourceOf(context));
  const sessions = new SessionService(em, cache, audit, parts.refreshTokens, parts.sessionLifetimes);
  const users = new UserService(em, cache, audit, cursors, sessions);
  const context: Context = {
    requestId,
    viewer: await authenticate(authorization, tokens, users, sessions),
    disclosed: new WeakSet(),
    client,
    refreshCookie,
    em,
    tokens,
    users,
    roles: roleLoader(em, cache),
    auth: new AuthService(em, audit, users, sessions, passwords, log),
    passwordResets: new PasswordResetService(em, audit, users, sessions, passwords),
    emails: new EmailService(em, audit, users, passwords),
    sessions,
    audit,
    auditEvents: new AuditService(em, cursors),
  };
  return context;
}

const sourceOf = ({ viewer, client }: Context): AuditSource => ({
  actorId: viewer.id,
  sessionId: viewer.id === null ? null : viewer.sessionId,
  ipAddress: client.ipAddress,
});

/** Account and session decide, not the token: whoever was deleted, switched off, demoted or signed out is so from the next request on. */
async function authenticate(
  authorization: string | undefined,
  tokens: AccessTokens,
  users: UserService,
  sessions: SessionService,
): Promise<Viewer> {
  if (!authorization) return { id: null, reason: 'MISSING' };
  const [, token] = /^Bearer ([\w.-]+)$/i.exec(authorization) ?? [];
  const verified = tokens.verify(token ?? '');
  if ('reason' in verified) return { id: null, reason: verified.reason };
  const { userId, sessionId } = verified;
  const [user, stands] = await Promise.all([users.find(userId), sessions.stands(sessionId, userId)]);
  return user?.isOpen && stands ? viewerOf(user, sessionId) : { id: null, reason: 'REVOKED' };
}
