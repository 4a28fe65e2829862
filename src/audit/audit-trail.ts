import type { EntityManager } from '@mikro-orm/postgresql';
import type { IdentityError } from '../errors.js';
import type { AuditAction } from './audit-actions.js';
import { AuditChain } from './audit-chain.entity.js';
import type { AuditDigests } from './audit-digests.js';
import { type AuditDetails, AuditEvent, AuditResult } from './audit-event.entity.js';

/** Who does it, and from where. */
export interface AuditSource {
  actorId: string | null;
  sessionId: string | null;
  ipAddress: string | null;
}

/** What happened to whom. Actor and session are those of the request where they are not given. */
export interface AuditFact extends Partial<Pick<AuditSource, 'actorId' | 'sessionId'>> {
  action: AuditAction;
  subjectId: string | null;
  result?: AuditResult;
  details?: AuditDetails;
}

/** For what a command does. */
export const COMMAND: AuditSource = { actorId: null, sessionId: null, ipAddress: null };

/** Writes down what happens, in the commit in which it does. */
export class AuditTrail {
  constructor(
    private readonly em: EntityManager,
    private readonly digests: AuditDigests,
    private readonly source: () => AuditSource,
  ) {}

  /**
   * Adds to a chain in the caller's transaction, which holds the chain from here to its commit: so the last thing before it. Takes one that nobody
   * holds, and waits only where there is none.
   */
  async record(em: EntityManager, ...facts: AuditFact[]): Promise<void> {
    // What a constraint refuses is refused before a chain is held.
    await em.flush();
    const chain = await chainFor(em);
    const events = facts.map((fact) => this.#next(chain, fact));
    await em.insertMany(AuditEvent, events);
    await em.nativeUpdate(AuditChain, chain.id, { position: chain.position, digest: chain.digest });
  }

  /** The same in a transaction of its own, for what changes nothing else. */
  async recordAlone(...facts: AuditFact[]): Promise<void> {
    await this.em.fork().transactional((em) => this.record(em, ...facts));
  }

  /** Records that credentials were wrong, and throws what is said of it. */
  async failed(action: AuditAction, subjectId: string | null, error: IdentityError): Promise<never> {
    await this.recordAlone({ action, subjectId, result: AuditResult.FAILED, details: { code: error.code } });
    throw error;
  }

  #next(chain: AuditChain, { action, subjectId, result = AuditResult.SUCCEEDED, details, ...given }: AuditFact) {
    const event = new AuditEvent();
    chain.position += 1;
    Object.assign(event, { ...this.source(), ...given, action, subjectId, result, details: details ?? null });
    Object.assign(event, { chain: chain.id, position: chain.position, previousDigest: chain.digest });
    event.at = timeOf(event.id);
    event.digest = this.digests.of(event);
    chain.digest = event.digest;
    return event;
  }
}

const ANY_CHAIN = 'select id, position, digest from audit_chains order by random() limit 1 for update';

async function chainFor(em: EntityManager): Promise<AuditChain> {
  // A chain that this transaction holds already is free to it, so it never waits for a second one.
  const [free] = await em.execute<AuditChain[]>(`${ANY_CHAIN} skip locked`);
  if (free) return free;
  const [held] = await em.execute<AuditChain[]>(ANY_CHAIN);
  if (!held) throw new Error('there is no audit chain');
  return held;
}

/** The time in a UUIDv7 (RFC 9562, 5.7), so that lists by id are lists by time. */
const timeOf = (id: string) => new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16));
