// The capacity model adds up what it is told; the figures are counted by hand.

import { describe, expect, test } from '@jest/globals';
import { type Costs, cpuOfMix, planFor } from '../../bench/capacity-model.js';

const GIB = 2 ** 30;
const COSTS: Costs = {
  read: { API: 0.0005, PostgreSQL: 0.0001, Redis: 0.00005 },
  login: { API: 0.2, PostgreSQL: 0.004, Redis: 0.0001 },
  refresh: { API: 0.002, PostgreSQL: 0.001, Redis: 0 },
};
const SIZES = { user: 1024, session: 512, auditEvent: 256 };

describe('the capacity model', () => {
  test('turns users, logins and reads into parts', () => {
    // 216,000 logins a day are 2.5 a second, and 10 in the busiest hour.
    const plan = planFor({ users: GIB / 1024, loginsPerDay: 216_000, readsPerSecond: 1_000 }, COSTS, SIZES, 10);

    expect(plan.loginsPerSecond).toBeCloseTo(10);
    expect(plan.refreshesPerSecond).toBeCloseTo(40);
    expect(plan.cores.API).toBeCloseTo(0.5 + 2 + 0.08);
    expect(plan.cores.PostgreSQL).toBeCloseTo(0.1 + 0.04 + 0.04);
    expect(plan.cores.Redis).toBeCloseTo(0.05 + 0.001);
    // 2.58 cores, of which no process may be busy for more than 0.6.
    expect([plan.processes, plan.connections]).toEqual([5, 50]);
    expect(plan.diskBytes).toBe(GIB + 216_000 * (120 * 512 + 365 * 256));
  });

  test('never has one process alone', () => {
    expect(planFor({ users: 1, loginsPerDay: 1, readsPerSecond: 1 }, COSTS, SIZES, 10).processes).toBe(2);
  });

  test('adds up a mix of requests', () => {
    expect(cpuOfMix(COSTS, { read: 100, login: 2, refresh: 10 }, 'API')).toBeCloseTo(0.05 + 0.4 + 0.02);
  });
});
