import { type EntityData, LockMode, raw } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import DataLoader from 'dataloader';
import { AuditResult } from '../audit/audit-event.entity.js';
import type { AuditTrail, Transaction } from '../audit/audit-trail.js';
import type { Cache } from '../cache/cache.js';
import type { Config } from '../config/config.js';
import { unauthenticated } from '../errors.js';
import { reuseDetected } from '../events/outbox.entity.js';
import type { Actor, Client, NamedSession } from '../request/actor.js';
import { canonicalUuid } from '../text/uuid.js';
import { decode, digestOf, encode, type RefreshToken, type RefreshTokens } from './refresh-token.js';
import { Session } from './session.entity.js';

/**
 * Within this time a token that was just replaced still gets its successor: several tabs refresh at once, and answers
 * are lost.
 */
const GRACE_MS = 10_000;
const DAY_MS = 24 * 60 * 60 * 1000;

export interface SessionLimits {
  /** Without a refresh for so long a session ends. */
  idleMs: number;
  /** However often it is refreshed, it ends then. */
  maxMs: number;
  /** For this time a traded token may be tried again while its successor is unused. */
  retryMs: number;
  /** Most open sessions of a user. */
  perUser: number;
}

type LimitSettings = Pick<Config, 'sessionIdleDays' | 'sessionMaxDays' | 'refreshRetrySeconds' | 'sessionsPerUser'>;

export const sessionLimits = ({
  sessionIdleDays,
  sessionMaxDays,
  refreshRetrySeconds,
  sessionsPerUser,
}: LimitSettings): SessionLimits => ({
  idleMs: sessionIdleDays * DAY_MS,
  maxMs: sessionMaxDays * DAY_MS,
  retryMs: refreshRetrySeconds * 1000,
  perUser: sessionsPerUser,
});

/** What the cache holds of a session, under this name, to be invalidated when it ends. */
export const cachedSession = (id: string) => `session:${id}`;

/** What a request must know of the session of its token. */
export interface SessionState {
  userId: string;
  endedAt: Date | string | null;
}

/** One session of a user, all of them, or all but one. */
export interface SessionSelection {
  only?: string;
  except?: string;
}

/** A session with the refresh token that now counts for it. */
export interface OpenSession {
  session: Session;
  refreshToken: string;
}

/** One that was just opened, and the ids of those that were revoked for it. */
export interface NewSession extends OpenSession {
  revoked: string[];
}

/**
 * The ids of a user's open sessions beyond the last used; held in the order of ids, as `revokeWithin` holds them, so
 * that two never wait in a circle.
 */
const BEYOND_LIMIT = `select id from sessions where ended_at is null and id in (
  select id from sessions where user_id = ? and id <> ? and ended_at is null and expires_at > now()
  order by last_used_at desc, id desc offset ?
) order by id for update`;

/** The ids of the last used open sessions of each user. */
const LAST_USED = `select s.id from unnest(?::uuid[]) as u (id) cross join lateral (
  select id from sessions where user_id = u.id and ended_at is null and expires_at > now()
  order by last_used_at desc, id desc limit ?
) as s`;

export class SessionService {
  // Without memory: what one field of a mutation ends, the next must not list.
  readonly #byUser = new DataLoader((userIds: readonly string[]) => this.#read([...new Set(userIds)], userIds), {
    cache: false,
  });

  constructor(
    private readonly em: EntityManager,
    private readonly cache: Cache,
    private readonly audit: AuditTrail,
    private readonly tokens: RefreshTokens,
    private readonly limits: SessionLimits,
  ) {}

  /**
   * Opens a session in the caller's transaction, and records it. Revokes those beyond the limit: the caller holds the
   * user's row, or two at once would each leave the other's out, and invalidates them in the cache after the commit.
   */
  async openWithin({ em, record }: Transaction, userId: string, client: Client): Promise<NewSession> {
    const now = new Date();
    const session = new Session({ userId, now, expiresAt: this.#expiry(now, now), client });
    const token = this.tokens.first(session.id);
    session.tokenDigest = digestOf(token);
    await em.persist(session).flush();
    const revoked = await this.#revokeBeyondLimit(em, session);
    const source = { actorId: userId, subjectId: userId, sessionId: session.id };
    record({ action: 'session.opened', ...source });
    if (revoked.length > 0) record({ action: 'session.ended', ...source, details: beyondLimit(revoked) });
    return { session, refreshToken: encode(token), revoked };
  }

  async #revokeBeyondLimit(em: EntityManager, { id, userId }: Session): Promise<string[]> {
    const rows = await em.execute<{ id: string }[]>(BEYOND_LIMIT, [userId, id, this.limits.perUser - 1]);
    return this.#revokeAll(em, rows);
  }

  async #revokeAll(em: EntityManager, sessions: { id: string }[]): Promise<string[]> {
    const ids = sessions.map((session) => session.id);
    if (ids.length > 0) await em.nativeUpdate(Session, { id: { $in: ids } }, { endedAt: new Date() });
    return ids;
  }

  /** Whether the session of an access token has not ended; whether its user can sign in is not looked at. */
  async isActive({ sessionId, userId }: NamedSession): Promise<boolean> {
    const entry = { key: cachedSession(sessionId), generation: cachedSession(sessionId) };
    const [state] = await this.cache.readThrough<SessionState | null>([entry], async () => {
      const session = await this.em.fork().findOne(Session, sessionId, { fields: ['userId', 'endedAt'] });
      return [session && { userId: session.userId, endedAt: session.endedAt }];
    });
    return state?.userId === userId && state.endedAt === null;
  }

  /**
   * The user's open sessions, the last used first, and no more than the limit. Those of many users are read together.
   */
  ofUser(userId: string): Promise<Session[]> {
    return this.#byUser.load(userId);
  }

  /** Two statements, however many users. */
  async #read(userIds: string[], asked: readonly string[]): Promise<Session[][]> {
    const em = this.em.fork();
    const found = await em.execute<{ id: string }[]>(LAST_USED, [`{${userIds.join()}}`, this.limits.perUser]);
    const where = { id: { $in: found.map(({ id }) => id) } };
    const sessions = await em.find(Session, where, { orderBy: { lastUsedAt: 'desc', id: 'desc' } });
    const byUser = Map.groupBy(sessions, ({ userId }) => userId);
    return asked.map((userId) => byUser.get(userId) ?? []);
  }

  /**
   * Trades a refresh token for the next one, by one conditional update: of many at once with the same token one trades,
   * and the others, up to 10 s later, get what it got.
   * @throws {IdentityError} UNAUTHENTICATED with the reason INVALID, EXPIRED or REVOKED.
   */
  async refresh(actor: Actor, text: string): Promise<OpenSession> {
    const token = decode(text);
    if (!token) throw unauthenticated('INVALID');
    const now = new Date();
    const use = useBy(actor.client, now);
    const trade = { ...use, usedRotation: token.rotation, usedAt: now };
    return (await this.#replace(token, now, trade)) ?? (await this.#refreshLate(actor, token, now, use));
  }

  /** Puts the next token in the place of this one; null if this one does not count, or its session is over. */
  async #replace(token: RefreshToken, now: Date, use: EntityData<Session>): Promise<OpenSession | null> {
    const next = this.tokens.next(token);
    const em = this.em.fork();
    const [replaced] = await em
      .createQueryBuilder(Session)
      .update({
        ...use,
        tokenDigest: digestOf(next),
        rotation: next.rotation,
        expiresAt: raw("least(?::timestamptz, created_at + ? * interval '1 millisecond')", [
          new Date(now.getTime() + this.limits.idleMs).toISOString(),
          this.limits.maxMs,
        ]),
      })
      .where({ id: token.sessionId, tokenDigest: digestOf(token), endedAt: null, expiresAt: { $gt: now } })
      .returning('*')
      .execute('all', false);
    if (!replaced) return null;
    return { session: em.map(Session, replaced), refreshToken: encode(next) };
  }

  /**
   * For a token that does not count, or no more. The last one that was traded, whose answer may have been lost, gets a
   * new one in the place of its unused successor. Any older one, and one that was replaced in this way, shows that two
   * hold the session: it ends, and that is announced (RFC 9700, 4.14.2).
   */
  async #refreshLate(actor: Actor, token: RefreshToken, now: Date, use: EntityData<Session>): Promise<OpenSession> {
    const session = await this.em.fork().findOne(Session, token.sessionId, { populate: ['tokenDigest'] });
    const current = session && this.tokens.descendantOf(token, session.rotation, session.tokenDigest);
    if (!current) throw unauthenticated('INVALID');
    if (session.endedAt) throw unauthenticated('REVOKED');
    if (session.expiresAt <= now) throw unauthenticated('EXPIRED');
    const { rotation, usedRotation, usedAt, lastUsedAt } = session;
    const isLastUsed = token.rotation === usedRotation;
    const isJustReplaced = isLastUsed || token.rotation === rotation - 1;
    if (isJustReplaced && isWithin(GRACE_MS, lastUsedAt, now)) return { session, refreshToken: encode(current) };
    if (isLastUsed && usedAt && isWithin(this.limits.retryMs, usedAt, now)) {
      // Where another was faster, it is that one's answer.
      return (await this.#replace(current, now, use)) ?? (await this.#refreshLate(actor, token, now, use));
    }
    await this.#revokeReused(actor, session);
    throw unauthenticated('REVOKED');
  }

  async #revokeReused(actor: Actor, { id, userId }: Session): Promise<void> {
    await this.audit.transaction(actor, async ({ em, record }) => {
      const revoked = await em.nativeUpdate(Session, { id, endedAt: null }, { endedAt: new Date() });
      if (revoked === 0) return;
      em.persist(reuseDetected(userId, id));
      const details = { sessionId: id };
      record({ action: 'session.reuse_detected', subjectId: userId, result: AuditResult.DENIED, details });
    });
    await this.invalidate([id]);
  }

  /**
   * Another first token for the session after a change of password, in that transaction: an old one is worth nothing
   * then.
   */
  async renewWithin(em: EntityManager, id: string, client: Client, changedAt: Date): Promise<OpenSession> {
    const session = await em.findOneOrFail(Session, id, { populate: ['tokenDigest'] });
    const token = this.tokens.renewed(id, session.rotation + 1, changedAt);
    session.tokenDigest = digestOf(token);
    session.rotation = token.rotation;
    session.usedRotation = null;
    Object.assign(session, useBy(client, new Date()));
    return { session, refreshToken: encode(token) };
  }

  /** The session with the token that counts, if it was that change of password that renewed it; else null. */
  async renewedBy(id: string, changedAt: Date): Promise<OpenSession | null> {
    const session = await this.em.fork().findOne(Session, { id, endedAt: null }, { populate: ['tokenDigest'] });
    const token = session && this.tokens.sinceRenewal(id, session.rotation, changedAt, session.tokenDigest);
    return session && token && { session, refreshToken: encode(token) };
  }

  /**
   * The session that a refresh token is or was of; null where there is none any more.
   * @throws {IdentityError} UNAUTHENTICATED with the reason INVALID for what is no token, or not one of its session's.
   */
  async ofToken(text: string): Promise<Session | null> {
    const token = decode(text);
    if (!token) throw unauthenticated('INVALID');
    const session = await this.em.fork().findOne(Session, token.sessionId, { populate: ['tokenDigest'] });
    if (session && !this.tokens.descendantOf(token, session.rotation, session.tokenDigest))
      throw unauthenticated('INVALID');
    return session;
  }

  /**
   * Revokes open sessions of a user, who does it from one of theirs: one of them, all, or all but one. Answers how
   * many.
   * @throws {IdentityError} BAD_USER_INPUT if an id is no UUID.
   */
  async revoke(actor: Actor, { userId, sessionId }: NamedSession, selection: SessionSelection = {}): Promise<number> {
    const revoked = await this.audit.transaction(actor, async ({ em, record }) => {
      const ids = await this.revokeWithin(em, userId, selection);
      const details = { sessionsEnded: ids.length, ...(ids.length === 1 && { sessionId: ids[0] }) };
      if (ids.length > 0) record({ action: 'session.ended', actorId: userId, subjectId: userId, sessionId, details });
      return ids;
    });
    await this.invalidate(revoked);
    return revoked.length;
  }

  /** The same in a transaction of the caller's, who invalidates them in the cache after the commit. */
  async revokeWithin(em: EntityManager, userId: string, { only, except }: SessionSelection = {}): Promise<string[]> {
    const id = { ...(only !== undefined && { $eq: canonicalUuid(only) }), ...(except && { $ne: except }) };
    const where = { userId, endedAt: null, ...(Object.keys(id).length > 0 && { id }) };
    const held = { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } } as const;
    return this.#revokeAll(em, await em.find(Session, where, { fields: ['id'], ...held }));
  }

  /** After the commit: what the cache holds of these is no longer so. */
  async invalidate(ids: string[]): Promise<void> {
    if (ids.length > 0) await this.cache.invalidate(...ids.map(cachedSession));
  }

  #expiry(createdAt: Date, now: Date): Date {
    return new Date(Math.min(now.getTime() + this.limits.idleMs, createdAt.getTime() + this.limits.maxMs));
  }
}

const beyondLimit = (ids: string[]) => ({
  sessionsEnded: ids.length,
  reason: 'limit',
  ...(ids.length === 1 && { sessionId: ids[0] }),
});

const isWithin = (ms: number, since: Date, now: Date) => now.getTime() - since.getTime() < ms;

/** What a session keeps of a use of it. */
const useBy = ({ userAgent, ipAddress }: Client, lastUsedAt: Date) => ({ userAgent, ipAddress, lastUsedAt });
