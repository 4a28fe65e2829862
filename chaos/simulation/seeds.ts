import { parentPort, workerData } from 'node:worker_threads';
import { type Outcome, Simulation } from './simulation.js';

/** Every `step`-th seed. */
export interface Seeds {
  from: number;
  before: number;
  step: number;
}

export interface SeedOutcome extends Outcome {
  seed: number;
}

const { from, before, step } = workerData as Seeds;
const simulation = await Simulation.open();
for (let seed = from; seed < before; seed += step) {
  const outcome: SeedOutcome = { seed, ...(await simulation.run(seed)) };
  parentPort?.postMessage(outcome);
}
process.exit(0);
