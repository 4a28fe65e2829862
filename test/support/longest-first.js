import TestSequencer from '@jest/test-sequencer';

/** On a machine that has not run them yet, the suites with servers come first: they take the longest. */
export default class LongestFirst extends TestSequencer {
  sort(tests) {
    const inOrder = super.sort(tests);
    const isLong = ({ path }) => path.includes('/test/servers/');
    return [...inOrder.filter(isLong), ...inOrder.filter((test) => !isLong(test))];
  }
}
