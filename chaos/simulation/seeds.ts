import { type Outcome, Simulation } from './simulation.js';

export interface SeedOutcome extends Outcome {
  seed: number;
}

/**
 * Runs every `step`-th seed from `from` on, for the program that has forked it and hears of each. A process of its own:
 * the time of the simulation is that of all that runs in it.
 */
const [from = 0, before = 0, step = 1] = process.argv.slice(2).map(Number);

process.once('disconnect', () => process.exit());
const simulation = await Simulation.open();
for (let seed = from; seed < before; seed += step) {
  const outcome: SeedOutcome = { seed, ...(await simulation.run(seed)) };
  await new Promise((resolve) => process.send?.(outcome, resolve));
}
process.disconnect();
