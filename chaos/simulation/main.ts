import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { optionsOrExit } from '../options.js';
import type { SeedOutcome } from './seeds.js';

/**
 * Runs the delivery of deletions with its real code and the embedded database, but with time, faults and the broker from
 * the numbers of a seed: the same seed is the same run. Ends with 1 at the first seed that breaks a rule.
 */
const USAGE = `Usage: npm run simulate -- [--seeds N] [--from N] [--trace]
  --seeds  how many, 100 unless told
  --from   the first of them, 1 unless told
  --trace  prints what happens in each`;

const { seeds, from, trace } = optionsOrExit(USAGE, { seeds: 100, from: 1, trace: false });
const processes = Math.min(seeds, availableParallelism());
const faults = new Map<string, number>();
const began = performance.now();
await Promise.all(Array.from({ length: processes }, (_, index) => runEach(from + index, processes)));
const seconds = (performance.now() - began) / 1000;
console.log(
  `${seeds} seeds from ${from} in ${seconds.toFixed(0)} s: nothing lost, invented, done twice or out of order`,
);
for (const [fault, times] of [...faults].sort()) console.log(`${fault}: ${times}`);
process.exit(0);

function runEach(first: number, step: number): Promise<void> {
  const program = fileURLToPath(new URL('./seeds.js', import.meta.url));
  const child = fork(program, [first, from + seeds, step].map(String), { serialization: 'advanced' });
  child.on('message', (outcome: SeedOutcome) => {
    for (const [fault, times] of outcome.faults) faults.set(fault, (faults.get(fault) ?? 0) + times);
    if (trace) console.log(outcome.trace.join('\n'));
    if (trace || outcome.problems.length > 0) console.log(`seed ${outcome.seed}: trace ${outcome.digest}`);
    if (outcome.problems.length === 0) return;
    console.error(outcome.problems.join(', '));
    console.error(`npm run simulate -- --from ${outcome.seed} --seeds 1 --trace`);
    process.exit(1);
  });
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a process ended with ${code}`))));
  });
}
