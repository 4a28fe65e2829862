import TestSequencer from '@jest/test-sequencer';

/**
 * On a machine that has not run them yet, the suites with servers come first: they take the longest. The run among faults
 * comes behind them: it keeps a broker and a database busy with their restarts, and they measure how fast processes end.
 */
export default class LongestFirst extends TestSequencer {
  sort(tests) {
    const inOrder = super.sort(tests);
    const isLong = ({ path }) => path.includes('/test/servers/');
    const isChaos = ({ path }) => path.endsWith('/chaos.test.ts');
    const rank = (test) => (isChaos(test) ? 1 : isLong(test) ? 0 : 2);
    return inOrder.toSorted((a, b) => rank(a) - rank(b));
  }
}
