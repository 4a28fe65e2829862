import { startPostgres } from '../test/support/servers/postgres.js';
import { startRabbit } from '../test/support/servers/rabbit.js';
import { TestSmtpServer } from '../test/support/smtp.js';
import { runCell } from './cells.js';
import { SABOTAGES } from './sabotages.js';

/** Of a build that loses something, the rest is not waited for longer. */
const SETTLE_SECONDS = 40;

/** ONLY chooses by a part of the name. */
const chosen = SABOTAGES.flatMap(({ cell, ...rest }) =>
  cell && rest.name.includes(process.env.ONLY ?? '') ? [{ cell, ...rest }] : [],
);

const [postgres, rabbit, smtp] = await Promise.all([
  startPostgres({ durable: true }),
  startRabbit(),
  TestSmtpServer.create(),
]);
await smtp.listen();
let missed = 0;
try {
  console.log('| build | fault | what is seen |\n| --- | --- | --- |');
  for (const { name, cell, file, changes } of chosen) {
    const sabotage = changes.map(([from, to]) => ({ file, from, to }));
    const problems = await runCell({ postgres, rabbit, smtp }, cell, { sabotage, settleSeconds: SETTLE_SECONDS });
    if (problems.length === 0) missed += 1;
    console.log(`| ${name} | ${cell} | ${problems.join(', ') || 'nothing'} |`);
  }
} finally {
  await Promise.all([postgres.stop(), rabbit.stop(), smtp.close()]);
}
console.log(`\n${chosen.length} builds, ${missed} of them not noticed.`);
process.exit(missed === 0 ? 0 : 1);
