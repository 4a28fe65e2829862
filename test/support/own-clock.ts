import { mkdtempSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildBench } from './build.js';
import { openRunFolder } from './once-per-run.js';
import type { Env } from './processes.js';

/** What gives a process a clock that is ahead of all others, or behind. */
export function clockAhead(ms: number): Env {
  buildBench();
  const file = join(mkdtempSync(join(openRunFolder(), 'clock-')), 'offset');
  writeFileSync(file, `${ms}`);
  return { NODE_OPTIONS: `--import=${resolve('dist-bench/chaos/own-clock.js')}`, CLOCK_FILE: file };
}
