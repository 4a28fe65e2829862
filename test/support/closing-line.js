import { writeSync } from 'node:fs';

/** The run in one line, last of all: `N passed, N failed, N skipped`, with the names of what was skipped before it. */
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
    // A file that could not be loaded has no tests to count, and is a failure all the same.
    const failed = numFailedTests + numRuntimeErrorTestSuites;
    const counts = `${numPassedTests} passed, ${failed} failed, ${numPendingTests + numTodoTests} skipped`;
    process.once('exit', () => writeSync(1, `${[...skipped, counts].join('\n')}\n`));
  }
}
