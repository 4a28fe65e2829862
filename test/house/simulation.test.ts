// Deletions of real code, with time, faults and the broker from the numbers of a seed: no rule is broken, and a seed is
// always the same run. `npm run simulate` runs more of them.

import { spawnSync } from 'node:child_process';
import { beforeAll, expect, test } from '@jest/globals';
import { buildBench } from '../support/build.js';

const SEED = Number(process.env.SIMULATION_SEED ?? (Date.now() % 1_000_000) + 1);

const simulate = (...args: string[]) =>
  spawnSync(process.execPath, ['dist-bench/chaos/simulation/main.js', ...args], { encoding: 'utf8' });

beforeAll(() => buildBench());

test(`nothing is lost, invented, done twice or out of order (SIMULATION_SEED=${SEED})`, () => {
  const { status, stdout, stderr } = simulate('--seeds', '40', '--from', `${SEED}`);

  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^40 seeds /);
  expect(stdout).toMatch(/^killed: \d+$/m);
  console.info(stdout);
});

test('a seed is the same run, alone and after others', () => {
  const traceOf = (output: string, seed: number) => output.match(RegExp(`^seed ${seed}: trace (\\w+)$`, 'm'))?.[1];

  const among = simulate('--seeds', '4', '--from', `${SEED}`, '--trace').stdout;
  const alone = simulate('--seeds', '1', '--from', `${SEED + 3}`, '--trace').stdout;

  expect(traceOf(alone, SEED + 3)).toBeDefined();
  expect(traceOf(alone, SEED + 3)).toBe(traceOf(among, SEED + 3));
  expect(traceOf(among, SEED)).not.toBe(traceOf(among, SEED + 3));
});

test.each([
  ['--seeds', '0'],
  ['--from', 'one'],
  ['--speed', '2'],
])('%s %s is refused', (...args) => {
  const { status, stderr } = simulate(...args);

  expect(status).toBe(1);
  expect(stderr).toContain('Usage: npm run simulate -- ');
});
