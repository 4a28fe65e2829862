import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { alteredBuild } from '../altered-build.js';
import { SABOTAGES } from '../sabotages.js';

/**
 * Runs the simulation with builds that each break one rule of the delivery, and says which seed notices. Ends with 1
 * where none does. What only RabbitMQ itself can show is left to `npm run chaos:sabotage`.
 */
const SEEDS = '2000';
const FOLDER = 'dist-chaos-simulation';
/** The clients of RabbitMQ, in whose place the simulation has a broker of its own. */
const NOT_SIMULATED = ['src/events/confirmed-channel.js', 'src/events/rabbit-bus.js'];
/** What our handlers do may be done twice, so that only a log tells: the fault matrix reads it. */
const WITHOUT_EFFECT = ['no inbox'];

const chosen = SABOTAGES.filter(
  ({ file, name }) =>
    !NOT_SIMULATED.includes(file) && !WITHOUT_EFFECT.includes(name) && name.includes(process.env.ONLY ?? ''),
);
let missed = 0;
console.log('| build | seed | what is seen |\n| --- | --- | --- |');
for (const { name, file, changes } of chosen) {
  const alterations = changes.map(([from, to]) => ({ file, from, to }));
  alteredBuild(FOLDER, alterations, 'dist-bench');
  const program = `${FOLDER}/chaos/simulation/main.js`;
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, '--seeds', SEEDS], { encoding: 'utf8' });
  if (status === 0) missed += 1;
  const [, seed = ''] = /^seed (\d+)/m.exec(stdout) ?? [];
  console.log(`| ${name} | ${seed} | ${status === 0 ? 'nothing' : stderr.split('\n', 1)[0]} |`);
}
rmSync(FOLDER, { recursive: true, force: true });
console.log(`\n${chosen.length} builds, ${missed} of them not noticed.`);
process.exit(missed === 0 ? 0 : 1);
