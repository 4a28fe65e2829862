import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { AccountService } from './account/account.service.js';
import { AuditService } from './audit/audit.service.js';
import type { AuditDigests } from './audit/audit-digests.js';
import { AuditTrail } from './audit/audit-trail.js';
import { AuthService } from './auth/auth.service.js';
import { Authenticator } from './auth/authenticator.js';
import type { DeviceTokens } from './auth/device-tokens.js';
import { PasswordResetService } from './auth/password-reset.service.js';
import type { Cache } from './cache/cache.js';
import { ReadReplicas } from './database/read-replicas.js';
import { DeletionService } from './deletion/deletion.service.js';
import { EmailService } from './email/email.service.js';
import type { AccessTokens } from './keys/access-token.js';
import type { Acknowledgements } from './keys/acknowledgements.js';
import type { Cursors } from './paging/cursor.js';
import type { Passwords } from './password/password.js';
import type { RefreshTokens } from './session/refresh-token.js';
import { type SessionLimits, SessionService } from './session/session.service.js';
import { SignOutService } from './session/sign-out.service.js';
import type { Throttles } from './throttle/throttles.js';
import { RoleService } from './user/role.service.js';
import { UserService } from './user/user.service.js';

/** What services are made of. */
export interface Parts {
  em: EntityManager;
  cache: Cache;
  passwords: Passwords;
  throttles: Throttles;
  tokens: AccessTokens;
  auditDigests: AuditDigests;
  cursors: Cursors;
  refreshTokens: RefreshTokens;
  deviceTokens: DeviceTokens;
  sessionLimits: SessionLimits;
  deletionGraceSeconds: number;
  acknowledgements: Acknowledgements;
  log: Logger;
}

export type Services = ReturnType<typeof createServices>;

/** All services, made once: they live as long as the process, and know nothing of any request. */
export function createServices(parts: Parts) {
  const { em, cache, passwords, throttles, deviceTokens, tokens, cursors, log } = parts;
  const audit = new AuditTrail(em, parts.auditDigests);
  const replicas = new ReadReplicas(em, log);
  const users = new UserService(em, cache, cursors, replicas);
  const sessions = new SessionService(em, cache, audit, parts.refreshTokens, parts.sessionLimits);
  const { deletionGraceSeconds } = parts;
  const accounts = new AccountService({
    em,
    audit,
    cache,
    users,
    sessions,
    passwords,
    throttles,
    deletionGraceSeconds,
  });
  return {
    audit,
    users,
    sessions,
    accounts,
    deletions: new DeletionService(em, audit, parts.acknowledgements),
    tokens,
    roles: new RoleService(em, cache),
    auth: new AuthService(em, audit, users, accounts, sessions, passwords, throttles, deviceTokens, log),
    authenticator: new Authenticator(tokens, users, sessions),
    passwordResets: new PasswordResetService(em, audit, accounts, sessions, passwords, throttles, deviceTokens),
    emails: new EmailService(em, audit, accounts, passwords, throttles),
    signOuts: new SignOutService(sessions),
    auditEvents: new AuditService(replicas, cursors),
  };
}
