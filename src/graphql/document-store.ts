import type { GraphQLSchema } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Redis } from '../cache/redis.js';
import { answeredInTime } from '../process/answered-in-time.js';
import type { Client } from '../request/actor.js';
import type { Throttles } from '../throttle/throttles.js';
import { type CheckedDocument, checkDocument } from './document-checks.js';
import { sha256 } from './manifest.js';

const ANSWER_MS = 60;
const KEPT_SECONDS = 60 * 60;
/** Longer ones run, and are not kept. */
const MAX_CHARACTERS = 20_000;
const MEMORY_CHARACTERS = 10_000_000;

/** Not what it was read into, which takes some hundred times the memory. */
type StoredDocument = Pick<CheckedDocument, 'text' | 'isPublic'>;

/**
 * Documents that clients have registered under their SHA-256: in the memory of this process, and for all instances in
 * Redis. Bounded by an hour, a length, and a limit of registrations.
 *
 * What comes from Redis is hashed and checked again, so a writer to Redis chooses nothing that runs.
 */
export class DocumentStore {
  readonly #memory = new LRUCache<string, StoredDocument>({
    maxSize: MEMORY_CHARACTERS,
    sizeCalculation: ({ text }) => Math.max(1, text.length),
    ttl: KEPT_SECONDS * 1000,
  });

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly redis: Redis | null,
    private readonly throttles: Throttles,
    private readonly log: Logger,
  ) {}

  async find(hash: string): Promise<StoredDocument | null> {
    const known = this.#memory.get(hash);
    if (known || !this.redis) return known ?? null;
    const text = await answeredInTime(this.redis.get(keyOf(hash)), ANSWER_MS).catch(() => null);
    if (text === null) return null;
    if (sha256(text) !== hash) {
      this.log.error({ hash }, 'a registered document is not the one that was registered');
      return null;
    }
    return this.#remember(hash, text);
  }

  /** Keeps a document whose hash this is, unless it is known, too long, does not fit, or its network has enough. */
  async register(hash: string, text: string, client: Client): Promise<void> {
    if (this.#memory.has(hash) || text.length > MAX_CHARACTERS) return;
    if (!(await this.throttles.allowsRegistration(client)) || !this.#remember(hash, text) || !this.redis) return;
    // While Redis is away the client sends the document to each instance once.
    await answeredInTime(this.redis.set(keyOf(hash), text, { EX: KEPT_SECONDS }), ANSWER_MS).catch(() => undefined);
  }

  #remember(hash: string, text: string): StoredDocument | null {
    const checked = checkDocument(this.schema, text);
    if (Array.isArray(checked)) return null;
    const stored = { text, isPublic: checked.isPublic };
    this.#memory.set(hash, stored);
    return stored;
  }
}

const keyOf = (hash: string) => `gatehouse:document:${hash}`;
