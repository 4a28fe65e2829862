import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
import type { Redis } from '../cache/redis.js';
import { answeredInTime } from '../process/answered-in-time.js';
import { LIMIT_NAMES, type Limit, type LimitName, type Limits, limitOf } from './limits.js';

/** What is counted costs more than a read: better a little late than by a count that is not shared. */
const ANSWER_MS = 250;
const REST_MS = 1_000;
/** Without Redis each instance counts for itself, so each allows only this part. */
const PART_WITHOUT_REDIS = 1 / 5;
/**
 * Keys that are held in memory for a limit, and the counts that all others share: a client with many addresses cannot
 * fill the memory.
 */
const MEMORY_KEYS = 100_000;
const SHARED_COUNTS = 65_536;

/** Where Redis keeps the counts: `gatehouse:limit:<name>:<key>`. */
export const LIMIT_PREFIX = 'gatehouse:limit';

export interface Count extends Limit {
  count: number;
  /** Until it begins anew. */
  secondsLeft: number;
}

/** What is counted beside the limits: that an attempt was let through and the next has to wait. */
const DELAY = 'login.delay';
type Counted = LimitName | typeof DELAY;

interface Counter {
  limit: Limit;
  shared: RateLimiterAbstract | null;
  own: RateLimiterAbstract;
  ownKeys: LRUCache<string, true>;
}

/**
 * Counts in windows of time, in Redis for all instances. While Redis does not answer, each instance counts for itself
 * and allows a fifth: never nothing, and never everything.
 */
export class Counters {
  readonly #counters: ReadonlyMap<Counted, Counter>;
  #restUntil = 0;
  #isAway = false;

  /** Without Redis, for one process alone. */
  constructor(
    limits: Limits,
    redis: Redis | null,
    private readonly log: Logger,
  ) {
    const limitsByName = [
      ...LIMIT_NAMES.map((name) => [name, limitOf(limits, name)] as const),
      [DELAY, { most: 1, seconds: 1 }] as const,
    ];
    this.#counters = new Map(
      limitsByName.map(([name, limit]) => {
        const options = { keyPrefix: `${LIMIT_PREFIX}:${name}`, points: limit.most, duration: limit.seconds };
        const shared = redis && new RateLimiterRedis({ ...options, storeClient: redis, useRedisPackage: true });
        // By size, for a cache with `max` takes the memory of all its entries at once.
        const size = { maxSize: MEMORY_KEYS, sizeCalculation: () => 1 };
        const ownKeys = new LRUCache<string, true>({ ...size, ttl: limit.seconds * 1000 });
        return [name, { limit, shared, own: new RateLimiterMemory(options), ownKeys }];
      }),
    );
  }

  /** Adds to a count, which begins now where there is none. `seconds` replaces those of the limit. */
  async add(name: Counted, key: string, points = 1, seconds?: number): Promise<Count> {
    const options = { customDuration: seconds };
    return this.#ask(name, key, async (limiter, at) => {
      const counted = await (points < 0 ? limiter.reward(at, -points, options) : limiter.penalty(at, points, options));
      return countOf(counted);
    });
  }

  async read(name: Counted, key: string): Promise<Count> {
    return this.#ask(name, key, async (limiter, at) => {
      const counted = await limiter.get(at);
      return counted ? countOf(counted) : { count: 0, secondsLeft: 0 };
    });
  }

  async remove(name: Counted, key: string): Promise<void> {
    await this.#ask(name, key, async (limiter, at) => {
      await limiter.delete(at);
      return { count: 0, secondsLeft: 0 };
    });
  }

  async #ask(
    name: Counted,
    key: string,
    question: (limiter: RateLimiterAbstract, key: string) => Promise<Pick<Count, 'count' | 'secondsLeft'>>,
  ): Promise<Count> {
    const counter = this.#counters.get(name) as Counter;
    const { limit, shared, own } = counter;
    if (!shared) return { ...limit, ...(await question(own, ownKeyOf(counter, key))) };
    try {
      if (performance.now() < this.#restUntil) throw new Error('resting');
      const counted = await answeredInTime(question(shared, key), ANSWER_MS);
      this.#isBack();
      return { ...limit, ...counted };
    } catch (error) {
      this.#rest(error);
      const most = Math.ceil(limit.most * PART_WITHOUT_REDIS);
      return { ...limit, most, ...(await question(own, ownKeyOf(counter, key))) };
    }
  }

  #isBack(): void {
    if (this.#isAway) this.log.info('limits are counted in Redis again');
    this.#isAway = false;
  }

  #rest(error: unknown): void {
    if (performance.now() < this.#restUntil) return;
    if (!this.#isAway) this.log.warn({ err: error }, 'Redis does not answer; limits are counted in this process');
    this.#isAway = true;
    this.#restUntil = performance.now() + REST_MS;
  }
}

const countOf = ({ consumedPoints, msBeforeNext }: { consumedPoints: number; msBeforeNext: number }) => ({
  count: consumedPoints,
  secondsLeft: Math.max(1, Math.ceil(msBeforeNext / 1000)),
});

function ownKeyOf({ ownKeys }: Counter, key: string): string {
  if (ownKeys.size === MEMORY_KEYS && !ownKeys.has(key)) ownKeys.purgeStale();
  if (ownKeys.size === MEMORY_KEYS && !ownKeys.has(key))
    return `shared ${Number.parseInt(hash('sha256', key).slice(0, 8), 16) % SHARED_COUNTS}`;
  ownKeys.set(key, true);
  return key;
}
