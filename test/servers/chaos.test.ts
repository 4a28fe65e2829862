// A short run of the proof: deletions while all that they go through is killed and frozen at random. `npm run chaos` is
// the long one.

import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { build, buildBench } from '../support/build.js';
import { describeWithServers } from '../support/describe-with-servers.js';

const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 100_000);

describeWithServers(['postgres', 'redis', 'rabbitmq'], 'deletions among faults', () => {
  test(`none is lost, invented, done twice or out of order (CHAOS_SEED=${SEED})`, () => {
    build();
    buildBench();

    const args = ['dist-bench/chaos/main.js', '--seed', `${SEED}`, '--deletions', '150', '--rate', '15'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });

    expect([status, stderr, stdout]).toEqual([0, '', expect.anything()]);
    for (const fact of ['deletions accepted | 150', 'lost | 0', 'phantom | 0', 'twice | 0', 'out of order | 0'])
      expect(stdout).toContain(`| ${fact} |`);
    console.info(stdout);
  });
});
