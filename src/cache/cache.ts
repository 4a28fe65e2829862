import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { Keyv } from 'keyv';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { answeredInTime } from '../process/answered-in-time.js';
import { onPossibleLoss, type Redis } from './redis.js';

const ENTRY_MS = 5 * 60_000;
/** Longer than an entry, or values would be dropped early; a generation that runs out is only a miss. */
const GENERATION_MS = 2 * ENTRY_MS;
const ANSWER_MS = 60;
const REST_MS = 1_000;
const MEMORY_ENTRIES = 10_000;
/** Keyv's own functions look for buffers in each value, which takes up to a tenth of the time of a request. */
const JSON_ONLY = { serialize: JSON.stringify, deserialize: JSON.parse };

interface Stored {
  generations: string[];
  value: unknown;
}

/** What is asked for: where its value lies, and the generation that a write to its source invalidates. */
export interface Entry {
  key: string;
  generation: string;
}

interface StoreEntry {
  key: string;
  value: Stored | string;
  ttl: number;
}

const EVERYTHING = 'everything';

/** One command for all that is given to it in one turn of the process, also by other requests. */
function inOneTurn<Item, Answer>(send: (items: Item[]) => Promise<Answer>): (items: Item[]) => Promise<Answer> {
  let next: { items: Item[]; answer: Promise<Answer> } | null = null;
  const begin = () => {
    const items: Item[] = [];
    const answer = setImmediate().then(() => {
      next = null;
      return send(items);
    });
    return { items, answer };
  };
  return (items) => {
    next ??= begin();
    next.items.push(...items);
    return next.answer;
  };
}

/**
 * Cache-aside that never hands out an old value.
 *
 * A value is stored with the generations that were current before its source was read, and counts only while they still
 * are. A write invalidates a generation after its commit, so a slow reader may put an old value back and it is never
 * read.
 *
 * The store may be down, frozen or slow: each call has 60 ms, after a failure the store rests for a second, and the
 * callers read from the source. An invalidation may be lost meanwhile, or undone by a restart from an old snapshot, so
 * the first thing said to a store that is back is that all it holds is invalid.
 */
export class Cache {
  #restUntil = 0;
  /** Invalidations that may be lost. */
  #doubts = 0;
  /** null as `#try`. */
  readonly #read = inOneTurn(async (keys: string[]) => {
    const names = [...new Set(keys)];
    const values = await this.#try((keyv) => keyv.getMany(names));
    return values && new Map<string, unknown>(names.map((name, index) => [name, values[index]]));
  });
  /** Whether it was done. */
  readonly #write = inOneTurn(
    async (entries: StoreEntry[]) => (await this.#try((keyv) => keyv.setMany(entries))) !== null,
  );

  private constructor(
    private readonly keyv: Keyv<Stored | string>,
    private readonly log: Logger,
    private readonly inTime: <T>(answer: Promise<T>) => Promise<T> = (answer) => answeredInTime(answer, ANSWER_MS),
  ) {}

  /** In this process; for one process alone. */
  static inMemory(log: Logger, entries = new LRUCache<string, string>({ max: MEMORY_ENTRIES })): Cache {
    // Without the lifetime, which Keyv keeps in the entry and this store would take for its options.
    const store = Object.assign(new Map<string, string>(), {
      get: (key: string) => entries.get(key),
      set: (key: string, value: string) => entries.set(key, value),
      delete: (key: string) => entries.delete(key),
    });
    const keyv = new Keyv<Stored | string>({ store, namespace: 'gatehouse', throwOnErrors: true, ...JSON_ONLY });
    return new Cache(keyv, log, (answer) => answer);
  }

  /** In Redis. Closing the cache closes the connection. */
  static async inRedis(redis: Redis, log: Logger): Promise<Cache> {
    const { default: KeyvRedis } = await import('@keyv/redis');
    const store = new KeyvRedis(redis, { throwOnErrors: true, throwOnConnectError: false });
    if ('masters' in redis) {
      // Of a cluster, one command for each key: the store's own for several do not follow keys that have moved.
      store.getMany = (keys) => Promise.all(keys.map((key) => store.get<never>(key)));
      store.setMany = async (entries) => {
        await Promise.all(entries.map(({ key, value, ttl }) => store.set(key, value, ttl)));
      };
    }
    const keyv = new Keyv<Stored | string>({
      store,
      namespace: 'gatehouse',
      useKeyPrefix: false,
      throwOnErrors: true,
      ...JSON_ONLY,
    });
    const cache = new Cache(keyv, log);
    onPossibleLoss(redis, (cause) => cache.#rest(cause));
    keyv.on('error', (error: Error) => cache.#rest(error));
    return cache;
  }

  /**
   * The values of the entries, in their order; `load` is asked once for those that are missing, by their positions, and
   * answers in the same order. Values are plain JSON.
   */
  async readThrough<T>(entries: readonly Entry[], load: (missing: number[]) => Promise<T[]>): Promise<T[]> {
    const names = [EVERYTHING, ...new Set(entries.map(({ generation }) => `generation:${generation}`))];
    const found = await this.#read([...names, ...entries.map(({ key }) => key)]);
    if (!found) return load(entries.map((_, index) => index));

    const generations = new Map(names.map((name) => [name, found.get(name) as string | undefined]));
    const values = entries.map(({ key }) => found.get(key) as Stored | undefined);
    const current = (entry: Entry) => [generations.get(EVERYTHING), generations.get(`generation:${entry.generation}`)];
    const missing = entries.flatMap((entry, index) => {
      const known = values[index]?.generations;
      return known && current(entry).every((generation, at) => generation === known[at]) ? [] : [index];
    });
    if (missing.length === 0) return values.map((stored) => stored?.value as T);

    // A generation that was not begun begins before the source is read: a write after that invalidates it.
    const unbegun = names.filter((name) => generations.get(name) === undefined);
    for (const name of unbegun) generations.set(name, randomUUID());
    const begun = await this.#set(
      unbegun.map((key) => ({ key, value: generations.get(key) ?? '', ttl: GENERATION_MS })),
    );

    const loaded = await load(missing);
    const fresh = new Map(missing.map((index, at) => [index, loaded[at] as T]));
    if (begun) {
      await this.#set(
        entries.flatMap(({ key }, index) => {
          const entry = entries[index] as Entry;
          const value: Stored = { generations: current(entry) as string[], value: fresh.get(index) };
          return fresh.has(index) ? [{ key, value, ttl: ENTRY_MS }] : [];
        }),
      );
    }
    return entries.map((_, index) => (fresh.has(index) ? (fresh.get(index) as T) : (values[index]?.value as T)));
  }

  /**
   * Makes what is held of these generations invalid, after the commit of what changed their source. Never fails: see
   * the class.
   */
  async invalidate(...generations: string[]): Promise<void> {
    const done = await this.#set(
      generations.map((name) => ({ key: `generation:${name}`, value: randomUUID(), ttl: GENERATION_MS })),
    );
    if (!done) this.#doubts += 1;
  }

  /** Makes all that is held invalid. */
  async invalidateAll(): Promise<void> {
    const done = await this.#set([{ key: EVERYTHING, value: randomUUID(), ttl: GENERATION_MS }]);
    if (!done) this.#doubts += 1;
  }

  /** Whether the store answers now. */
  async isUp(): Promise<boolean> {
    return (await this.#try((keyv) => keyv.getMany([EVERYTHING]))) !== null;
  }

  async close(): Promise<void> {
    await this.keyv.disconnect().catch(() => undefined);
  }

  async #set(entries: StoreEntry[]): Promise<boolean> {
    return entries.length === 0 || this.#write(entries);
  }

  /** null when the store is resting, fails, or does not answer in time. */
  async #try<T>(ask: (keyv: Keyv<Stored | string>) => Promise<T>): Promise<T | null> {
    if (performance.now() < this.#restUntil) return null;
    try {
      if (this.#doubts > 0) {
        // Only one caller says it; the others read from the source until it is said.
        this.#restUntil = performance.now() + REST_MS;
        const doubts = this.#doubts;
        await this.inTime(this.keyv.setMany([{ key: EVERYTHING, value: randomUUID(), ttl: GENERATION_MS }]));
        this.#restUntil = 0;
        // What could not be made invalid meanwhile may have been stored after it: the next caller says it again.
        if (this.#doubts > doubts) return null;
        this.#doubts = 0;
        this.log.info('cache is back');
      }
      const answer = await this.inTime(ask(this.keyv));
      // It may be of a server that replaced another one meanwhile, and misses its last writes.
      return performance.now() < this.#restUntil ? null : answer;
    } catch (error) {
      this.#rest(error);
      return null;
    }
  }

  #rest(error: unknown): void {
    if (this.#doubts === 0) this.log.warn({ err: error }, 'cache does not answer; reading from the database');
    this.#doubts += 1;
    this.#restUntil = performance.now() + REST_MS;
  }
}
