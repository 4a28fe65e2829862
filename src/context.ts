import type { EntityManager } from '@mikro-orm/core';
import type { Logger } from 'pino';
import { AuthService } from './auth/auth.service.js';
import type { Passwords } from './auth/password.js';
import type { AccessTokens } from './auth/token.js';
import type { Cache } from './cache.js';
import type { UnauthenticatedReason } from './errors.js';
import type { Cursors } from './user/cursor.js';
import { type RoleName, roleName } from './user/role.entity.js';
import { type RoleLoader, roleLoader } from './user/role.loader.js';
import type { User } from './user/user.entity.js';
import { UserService } from './user/user.service.js';

/** Who asks: a user with an open account, or nobody and why. */
export type Viewer = { id: string; role: RoleName } | { id: null; reason: UnauthenticatedReason };

export const viewerOf = ({ id, roleId }: User): Viewer => ({ id, role: roleName(roleId) });

/** What lives as long as the process and every request uses. */
export interface Parts {
  em: EntityManager;
  cache: Cache;
  passwords: Passwords;
  tokens: AccessTokens;
  cursors: Cursors;
  log: Logger;
}

/** All that a resolver may reach. */
export interface Context {
  requestId: string;
  /** `login`, `register` and `deleteUser` change it for the rest of the operation. */
  viewer: Viewer;
  em: EntityManager;
  tokens: AccessTokens;
  users: UserService;
  roles: RoleLoader;
  auth: AuthService;
}

export async function createContext(
  parts: Parts,
  requestId: string,
  authorization: string | undefined,
): Promise<Context> {
  const { em, cache, passwords, tokens, cursors, log } = parts;
  const users = new UserService(em, cache, cursors);
  const roles = roleLoader(em, cache);
  const auth = new AuthService(em, users, passwords, log);
  const viewer = await authenticate(authorization, tokens, users);
  return { requestId, viewer, em, tokens, users, roles, auth };
}

/** The account decides, not the token: whoever was deleted, switched off or demoted is so from the next request on. */
async function authenticate(
  authorization: string | undefined,
  tokens: AccessTokens,
  users: UserService,
): Promise<Viewer> {
  if (!authorization) return { id: null, reason: 'MISSING' };
  const [, token] = /^Bearer ([\w.-]+)$/i.exec(authorization) ?? [];
  const verified = tokens.verify(token ?? '');
  if ('reason' in verified) return { id: null, reason: verified.reason };
  const user = await users.find(verified.userId);
  if (!user?.isOpen) return { id: null, reason: 'REVOKED' };
  return viewerOf(user);
}
