import TestSequencer from '@jest/test-sequencer';

/** Of the suites without servers of their own. */
const LONGEST = ['hostile-input', 'access', 'non-interference'].map((name) => `/test/api/${name}.test.ts`);

/**
 * On a machine that has not run them yet, the longest suites and those with servers come first. The run among faults comes
 * behind them: it keeps a broker and a database busy with their restarts, and they measure how fast processes end.
 */
export default class LongestFirst extends TestSequencer {
  sort(tests) {
    const inOrder = super.sort(tests);
    const isLong = ({ path }) => path.includes('/test/servers/') || LONGEST.some((name) => path.endsWith(name));
    const isChaos = ({ path }) => path.endsWith('/chaos.test.ts');
    const rank = (test) => (isChaos(test) ? 1 : isLong(test) ? 0 : 2);
    return inOrder.toSorted((a, b) => rank(a) - rank(b));
  }
}
