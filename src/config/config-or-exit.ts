import { type Config, ConfigError, loadConfig } from './config.js';
import type { Program } from './setting.js';

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
