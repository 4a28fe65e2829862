// The benchmark asks what it says it asks: every server answers every workload with what belongs there.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { measureInTurns } from '../../bench/measure.js';
import { startTargets } from '../../bench/servers.js';
import { type Target, WORKLOADS, type WorkloadName } from '../../bench/workloads.js';
import { describeWithServers } from '../support/describe-with-servers.js';

const SHORT = { seconds: 0.2, rounds: 1, connections: 2 };

describeWithServers(['postgres', 'redis'], 'a short benchmark', () => {
  const servers = new AsyncDisposableStack();
  let targets: Target[];

  beforeAll(async () => {
    targets = await startTargets(servers, { people: 100, connections: 2, bcryptCost: 4, withPeers: false });
  });
  afterAll(() => servers.disposeAsync());

  test.each(Object.keys(WORKLOADS) as WorkloadName[])('has right answers alone to %s', async (workload) => {
    const results = await measureInTurns(targets, workload, SHORT);

    expect(results.map(({ target }) => target)).toContain('Gatehouse');
    for (const { rate, failed } of results) {
      expect(rate).toBeGreaterThan(0);
      expect(failed).toBe(0);
    }
  });

  test('counts what is answered with something else as failed', async () => {
    const [gatehouse] = targets as [Target];
    const wrong = { ...gatehouse, workloads: { me: { ...gatehouse.workloads.userWarm, holds: '"id":"another"' } } };

    const [result] = await measureInTurns([wrong as Target], 'me', SHORT);

    expect(result?.rate).toBe(0);
    expect(result?.failed).toBeGreaterThan(0);
  });
});
