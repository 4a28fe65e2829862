import { type Config, ConfigError, loadConfig, type Program } from './config.js';

const GRACE_MS = 9_000;

/** The settings, or the end of the process with every mistake in them. */
export function configOrExit(program: Program): Config {
  try {
    return loadConfig(undefined, program);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

/** What the start needs, or the end of the process in one line: what stands in its way is for the operator to put right. */
export const orExit = <T>(work: Promise<T>): Promise<T> =>
  work.catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  });

/** Stops once on SIGTERM or SIGINT and exits 0; whatever hangs is cut off after 9 s with 1. */
export function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      setTimeout(() => process.exit(1), GRACE_MS).unref();
      stop().then(
        () => process.exit(0),
        (error) => {
          console.error(error);
          process.exit(1);
        },
      );
    });
  }
}
