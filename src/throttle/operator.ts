import { keysOf, type Redis } from '../cache/redis.js';
import { networkOf } from '../text/ip-address.js';
import { type Count, LIMIT_PREFIX } from './counters.js';
import { LIMIT_NAMES, type LimitName, type Limits, limitOf } from './limits.js';
import { accountDigest, limitKey } from './throttles.js';

/** Whose counts: of an account (an address, or the id of a user or session), of a network by one of its addresses. */
export interface Selection {
  account?: string;
  address?: string;
}

/** A count in Redis; `most` and `seconds` are null for a delay, which is none of the limits. */
export interface StoredCount extends Pick<Count, 'count' | 'secondsLeft'> {
  /** In Redis. */
  key: string;
  name: string;
  /** A digest of an account, a network, or both. */
  of: string;
  most: number | null;
}

/** The counts of a selection; all where it names none. */
export async function readCounts(
  redis: Redis,
  limits: Limits,
  secret: string,
  selection: Selection,
): Promise<StoredCount[]> {
  const counts: StoredCount[] = [];
  for (const pattern of patternsOf(secret, selection)) {
    for await (const keys of keysOf(redis, pattern)) {
      for (const key of keys) {
        const [count, secondsLeft] = await Promise.all([redis.get(key), redis.ttl(key)]);
        // It may have run out since it was found.
        if (count === null) continue;
        const [, name = '', of = ''] = /^([\w.]+):(.*)$/s.exec(key.slice(LIMIT_PREFIX.length + 1)) ?? [];
        const isLimit = LIMIT_NAMES.some((known) => known === name);
        const most = isLimit ? limitOf(limits, name as LimitName).most : null;
        counts.push({ key, name, of, count: Number(count), secondsLeft, most });
      }
    }
  }
  return counts.sort((a, b) => (a.key < b.key ? -1 : 1));
}

export const isReached = ({ count, most }: StoredCount): boolean => most !== null && count >= most;

/** Answers how many it removed. */
export async function removeCounts(redis: Redis, counts: readonly StoredCount[]): Promise<number> {
  let removed = 0;
  for (const { key } of counts) removed += await redis.del(key);
  return removed;
}

function patternsOf(secret: string, { account, address }: Selection): string[] {
  if (account !== undefined) {
    const digest = accountDigest(limitKey(secret), account);
    return [`${LIMIT_PREFIX}:*:${digest}`, `${LIMIT_PREFIX}:*:${digest}.*`];
  }
  if (address !== undefined) {
    const network = networkOf(address);
    return [`${LIMIT_PREFIX}:*:${network}`, `${LIMIT_PREFIX}:*.${network}`];
  }
  return [`${LIMIT_PREFIX}:*`];
}
