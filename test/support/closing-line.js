import { writeSync } from 'node:fs';

/** Of a longer run, so many of its slowest tests are named. */
const SLOWEST = 20;

/**
 * The run in one line, last of all: `N passed, N failed, N skipped`, with the slowest tests and the names of what was
 * skipped before it.
 */
export default class ClosingLine {
  onRunComplete(
    _,
    { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites, testResults },
  ) {
    const skipped = testResults.flatMap(({ displayName, testResults }) =>
      testResults
        .filter(({ status }) => status === 'pending')
        .map(({ fullName }) => `skipped  ${displayName?.name}: ${fullName}`),
    );
    const slowest = testResults
      .flatMap(({ displayName, testResults }) =>
        testResults.map(({ fullName, duration }) => ({ name: `${displayName?.name}: ${fullName}`, ms: duration ?? 0 })),
      )
      .sort((a, b) => b.ms - a.ms)
      .slice(0, SLOWEST)
      .map(({ name, ms }) => `${(ms / 1000).toFixed(1).padStart(6)} s  ${name}`);
    // A file that could not be loaded has no tests to count, and is a failure all the same.
    const failed = numFailedTests + numRuntimeErrorTestSuites;
    const counts = `${numPassedTests} passed, ${failed} failed, ${numPendingTests + numTodoTests} skipped`;
    process.once('exit', () =>
      writeSync(1, `${[...(testResults.length > 5 ? slowest : []), ...skipped, counts].join('\n')}\n`),
    );
  }
}
