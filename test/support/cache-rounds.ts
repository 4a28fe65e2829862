import { expect } from '@jest/globals';
import { cacheIsUp } from './cache-is-up.js';
import type { ApiProcess } from './processes.js';

type Round = (here: ApiProcess, there: ApiProcess) => Promise<void>;

/**
 * Rounds in which Redis answered two instances within the 60 ms that it has, each in turn the one that writes. On a
 * busy machine it may not, and then only the database's notification would tell of a write: such a round counts for
 * nothing, and is repeated.
 */
export const inCacheRounds = async (instances: [ApiProcess, ApiProcess], count: number, round: Round) => {
  const [one, other] = instances;
  const misses = () => instances.flatMap((api) => api.lines('cache does not answer; reading from the database')).length;
  for (let [done, tries] = [0, 0]; done < count; tries++) {
    expect(tries).toBeLessThan(3 * count);
    // A cache that rests since the last round says nothing of what it misses.
    await Promise.all(instances.map(cacheIsUp));
    const before = misses();
    try {
      await (done % 2 ? round(one, other) : round(other, one));
      done++;
    } catch (error) {
      if (misses() === before) throw error;
    }
  }
};
