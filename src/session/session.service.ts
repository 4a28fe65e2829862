import { LockMode, raw } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { AuditResult } from '../audit/audit-event.entity.js';
import type { AuditFact, AuditTrail } from '../audit/audit-trail.js';
import type { Cache } from '../cache.js';
import { unauthenticated } from '../errors.js';
import { reuseDetected } from '../events/outbox.entity.js';
import { canonicalUuid } from '../uuid.js';
import { decode, digestOf, encode, type RefreshToken, type RefreshTokens } from './refresh-token.js';
import { type Client, Session } from './session.entity.js';

/** So long the token before the last one gets the last one again: several tabs refresh at once, and answers are lost. */
const GRACE_MS = 10_000;

export interface SessionLifetimes {
  /** Without a refresh for so long a session ends. */
  idleMs: number;
  /** However often it is refreshed, it ends then. */
  maxMs: number;
}

/** Under which the cache knows a session, and what ends with it. */
export const cacheKey = (id: string) => `session:${id}`;

/** What a request must know of the session of its token. */
export interface SessionState {
  userId: string;
  endedAt: Date | string | null;
}

/** One session of a user, all of them, or all but one. */
export interface Which {
  only?: string;
  except?: string;
}

/** A session with the refresh token that now counts for it. */
export interface OpenSession {
  session: Session;
  refreshToken: string;
}

export class SessionService {
  constructor(
    private readonly em: EntityManager,
    private readonly cache: Cache,
    private readonly audit: AuditTrail,
    private readonly tokens: RefreshTokens,
    private readonly lifetimes: SessionLifetimes,
  ) {}

  /** Opens a session in the caller's transaction, and records it; so the last thing before its commit. */
  async openWithin(em: EntityManager, userId: string, client: Client, ...facts: AuditFact[]): Promise<OpenSession> {
    const now = new Date();
    const session = new Session(userId, '', now, this.#expiry(now, now), client);
    const token = this.tokens.first(session.id);
    session.tokenDigest = digestOf(token);
    em.persist(session);
    const source = { actorId: userId, subjectId: userId, sessionId: session.id };
    await this.audit.record(em, ...facts, { action: 'session.opened', ...source });
    return { session, refreshToken: encode(token) };
  }

  /** Whether the session of an access token still stands; the account is somebody else's matter. */
  async stands(id: string, userId: string): Promise<boolean> {
    const entry = { key: cacheKey(id), generation: cacheKey(id) };
    const [state] = await this.cache.through<SessionState | null>([entry], async () => {
      const session = await this.em.fork().findOne(Session, id, { fields: ['userId', 'endedAt'] });
      return [session && { userId: session.userId, endedAt: session.endedAt }];
    });
    return state?.userId === userId && state.endedAt === null;
  }

  /** The user's open sessions, the last used first. */
  async ofUser(userId: string): Promise<Session[]> {
    const where = { userId, endedAt: null, expiresAt: { $gt: new Date() } };
    return this.em.fork().find(Session, where, { orderBy: { lastUsedAt: 'desc', id: 'desc' } });
  }

  /**
   * Trades a refresh token for the next one, by one conditional update: of many at once with the same token one trades, and the others, up to 10 s
   * later, get what it got. A token older than that was stolen, or its thief was here first: the whole family ends, and it is announced (RFC 9700, 4.14.2).
   * @throws {IdentityError} UNAUTHENTICATED with the reason INVALID, EXPIRED or REVOKED.
   */
  async refresh(text: string): Promise<OpenSession> {
    const token = decode(text);
    if (!token) throw unauthenticated('INVALID');
    const next = this.tokens.next(token);
    const em = this.em.fork();
    const now = new Date();
    const traded = await em.nativeUpdate(
      Session,
      { id: token.sessionId, tokenDigest: digestOf(token), endedAt: null, expiresAt: { $gt: now } },
      {
        tokenDigest: digestOf(next),
        rotation: next.rotation,
        lastUsedAt: now,
        expiresAt: raw("least(?::timestamptz, created_at + ? * interval '1 millisecond')", [
          new Date(now.getTime() + this.lifetimes.idleMs).toISOString(),
          this.lifetimes.maxMs,
        ]),
      },
    );
    const session = await em.findOne(Session, token.sessionId, { populate: ['tokenDigest'] });
    if (!session) throw unauthenticated('INVALID');
    if (traded === 0) await this.#checkLateComer(session, token, next, now);
    return { session, refreshToken: encode(next) };
  }

  /** Returns for the predecessor that is still in its grace. @throws {IdentityError} UNAUTHENTICATED for all others. */
  async #checkLateComer(session: Session, token: RefreshToken, next: RefreshToken, now: Date): Promise<void> {
    const isOfFamily = this.tokens.isAncestorOf(token, session.rotation, session.tokenDigest);
    if (!isOfFamily) throw unauthenticated('INVALID');
    if (session.endedAt) throw unauthenticated('REVOKED');
    if (session.expiresAt <= now) throw unauthenticated('EXPIRED');
    const inGrace = now.getTime() - session.lastUsedAt.getTime() < GRACE_MS;
    if (next.rotation === session.rotation && inGrace) return;
    await this.#endReused(session);
    throw unauthenticated('REVOKED');
  }

  async #endReused({ id, userId }: Session): Promise<void> {
    await this.em.fork().transactional(async (em) => {
      const ended = await em.nativeUpdate(Session, { id, endedAt: null }, { endedAt: new Date() });
      if (ended === 0) return;
      em.persist(reuseDetected(userId, id));
      const details = { sessionId: id };
      await this.audit.record(em, {
        action: 'session.reuse_detected',
        subjectId: userId,
        result: AuditResult.DENIED,
        details,
      });
    });
    await this.cache.end(cacheKey(id));
  }

  /** Another first token for the session, in a transaction of the caller's: whoever has an old one has nothing. */
  async renewWithin(em: EntityManager, id: string): Promise<OpenSession> {
    const session = await em.findOneOrFail(Session, id, { populate: ['tokenDigest'] });
    const token = this.tokens.first(id, session.rotation + 1);
    session.tokenDigest = digestOf(token);
    session.rotation = token.rotation;
    return { session, refreshToken: encode(token) };
  }

  /**
   * Ends open sessions of a user: one of them, all, or all but one. Answers how many.
   * @throws {IdentityError} BAD_USER_INPUT if an id is no UUID.
   */
  async end(userId: string, which: Which = {}): Promise<number> {
    const ended = await this.em.fork().transactional(async (em) => {
      const ids = await this.endWithin(em, userId, which);
      const details = { sessionsEnded: ids.length, ...(ids.length === 1 && { sessionId: ids[0] }) };
      if (ids.length > 0) await this.audit.record(em, { action: 'session.ended', subjectId: userId, details });
      return ids;
    });
    if (ended.length > 0) await this.cache.end(...ended.map(cacheKey));
    return ended.length;
  }

  /** The same in a transaction of the caller's, who ends in the cache what was ended, after the commit. */
  async endWithin(em: EntityManager, userId: string, { only, except }: Which = {}): Promise<string[]> {
    const id = { ...(only !== undefined && { $eq: canonicalUuid(only) }), ...(except && { $ne: except }) };
    const where = { userId, endedAt: null, ...(Object.keys(id).length > 0 && { id }) };
    const open = await em.find(Session, where, { fields: ['id'], lockMode: LockMode.PESSIMISTIC_WRITE });
    const ids = open.map((session) => session.id);
    if (ids.length > 0) await em.nativeUpdate(Session, { id: { $in: ids } }, { endedAt: new Date() });
    return ids;
  }

  #expiry(createdAt: Date, now: Date): Date {
    return new Date(Math.min(now.getTime() + this.lifetimes.idleMs, createdAt.getTime() + this.lifetimes.maxMs));
  }
}
