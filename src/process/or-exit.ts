import { inOneLine } from './start-failure.js';

/**
 * What the start needs, or the end of the process in one line: what stands in its way is for the operator to put right.
 */
export const orExit = <T>(work: Promise<T>): Promise<T> =>
  work.catch((error: unknown) => {
    console.error(inOneLine(error));
    process.exit(1);
  });
