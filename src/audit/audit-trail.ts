import type { EntityManager } from '@mikro-orm/postgresql';
import type { IdentityError } from '../errors.js';
import type { Actor } from '../request/actor.js';
import type { AuditAction } from './audit-actions.js';
import { AuditChain } from './audit-chain.entity.js';
import type { AuditDigests } from './audit-digests.js';
import { type AuditDetails, AuditEvent, AuditResult } from './audit-event.entity.js';

/** What happened to whom. Actor and session are those of the request where they are not given. */
export interface AuditFact {
  action: AuditAction;
  subjectId: string | null;
  actorId?: string | null;
  sessionId?: string | null;
  result?: AuditResult;
  details?: AuditDetails;
}

/** One transaction: what is changed by `em` and what is recorded are committed together, or neither is. */
export interface Transaction {
  em: EntityManager;
  /** Written as the last statements before the commit, whenever it is called. */
  record(...facts: AuditFact[]): void;
}

/** Writes down what happens, in the commit in which it does. */
export class AuditTrail {
  constructor(
    private readonly em: EntityManager,
    private readonly digests: AuditDigests,
  ) {}

  /**
   * Runs a change in a transaction and records its facts last. A recorded transaction holds one chain of events until
   * its commit, and others wait for that chain only where all are held.
   */
  async transaction<T>(actor: Actor, change: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.em.fork().transactional(async (em) => {
      const facts: AuditFact[] = [];
      const result = await change({ em, record: (...given) => void facts.push(...given) });
      if (facts.length > 0) await this.#write(em, actor, facts);
      return result;
    });
  }

  /** Records what changes nothing else. */
  async record(actor: Actor, ...facts: AuditFact[]): Promise<void> {
    await this.transaction(actor, async ({ record }) => record(...facts));
  }

  /** Records that credentials were wrong, and throws what is said of it. */
  async recordFailureAndThrow(
    actor: Actor,
    action: AuditAction,
    subjectId: string | null,
    error: IdentityError,
  ): Promise<never> {
    await this.record(actor, { action, subjectId, result: AuditResult.FAILED, details: { code: error.code } });
    throw error;
  }

  async #write(em: EntityManager, actor: Actor, facts: AuditFact[]): Promise<void> {
    // What a constraint refuses is refused before a chain is held.
    await em.flush();
    const chain = await chainFor(em);
    const events = facts.map((fact) => this.#next(chain, actor, fact));
    await em.insertMany(AuditEvent, events);
    await em.nativeUpdate(AuditChain, chain.id, { position: chain.position, digest: chain.digest });
  }

  #next(chain: AuditChain, { userId, sessionId, client: { ipAddress } }: Actor, fact: AuditFact) {
    const { action, subjectId, result = AuditResult.SUCCEEDED, details = null, ...given } = fact;
    const event = new AuditEvent();
    chain.position += 1;
    Object.assign(event, { actorId: userId, sessionId, ipAddress, ...given, action, subjectId, result, details });
    Object.assign(event, { chain: chain.id, position: chain.position, previousDigest: chain.digest });
    event.at = timeOf(event.id);
    event.digest = this.digests.of(event);
    chain.digest = event.digest;
    return event;
  }
}

const ANY_CHAIN = 'select id, position, digest from audit_chains order by random() limit 1 for update';

async function chainFor(em: EntityManager): Promise<AuditChain> {
  const [free] = await em.execute<AuditChain[]>(`${ANY_CHAIN} skip locked`);
  if (free) return free;
  const [held] = await em.execute<AuditChain[]>(ANY_CHAIN);
  if (!held) throw new Error('there is no audit chain');
  return held;
}

/** The time in a UUIDv7 (RFC 9562, 5.7), so that lists by id are lists by time. */
const timeOf = (id: string) => new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16));
