import { mkdtempSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openRunFolder } from './once-per-run.js';

/** What a process needs in its environment for a clock of its own, which `setClock` sets. Needs `buildBench`. */
export interface OwnClock {
  NODE_OPTIONS: string;
  CLOCK_FILE: string;
}

/** A clock that is ahead of all others by so many milliseconds, or behind. */
export function clockAhead(ms: number): OwnClock {
  const file = join(mkdtempSync(join(openRunFolder(), 'clock-')), 'offset');
  const clock = { NODE_OPTIONS: `--import=${resolve('dist-bench/chaos/own-clock.js')}`, CLOCK_FILE: file };
  setClock(clock, ms);
  return clock;
}

export const setClock = ({ CLOCK_FILE }: OwnClock, ms: number): void => writeFileSync(CLOCK_FILE, `${ms}`);
