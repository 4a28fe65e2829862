import { startPostgres } from '../test/support/servers/postgres.js';
import { startRabbit } from '../test/support/servers/rabbit.js';
import { TestSmtpServer } from '../test/support/smtp.js';
import type { Alteration } from './altered-build.js';
import { type CellName, runCell } from './cells.js';

/** A build that breaks one rule of the delivery, and the fault that shows it. */
interface Sabotage extends Alteration {
  name: string;
  cell: CellName;
}

const SABOTAGES: Sabotage[] = [
  {
    name: 'published before the change is committed',
    file: 'src/account/account.service.js',
    from: 'em.persist([deletion, event]);',
    to: 'await this.parts.em.fork().persist(event).flush(); em.persist(deletion);',
    cell: 'API killed before the commit of the deletion',
  },
  {
    name: 'marked as published before the broker has it',
    file: 'src/events/relay.js',
    from: 'set attempts = attempts + 1,',
    to: 'set attempts = attempts + 1, published_at = now(),',
    cell: 'API killed between commit and publication',
  },
  {
    name: 'no confirm of the broker',
    file: 'src/events/confirmed.js',
    from: 'return new Promise((resolve, reject) => {',
    to: "publication.on('error', () => undefined); if (publication) return Promise.resolve(); return new Promise((resolve, reject) => {",
    cell: 'broker killed with publications in hand',
  },
  {
    name: 'acknowledged before the commit',
    file: 'consumer/handle-message.js',
    from: 'await work();',
    to: 'ackOrNack(); ackOrNack = () => undefined; await new Promise((resolve) => setTimeout(resolve, 200)); await work();',
    cell: 'consumer killed before the commit of its handler',
  },
  {
    name: 'no inbox',
    file: 'consumer/handlers/handle.js',
    from: 'if (first.delete(event.id))',
    to: 'if (first.delete(event.id) || true)',
    cell: 'consumer killed between commit and acknowledgement',
  },
  {
    name: 'receipt of a step before it is done',
    file: 'consumer/deletion-worker.js',
    from: 'const result = await run(deletion, this.parts);',
    to: 'await this.#settle(userId, step, { status: ReceiptStatus.DONE, finishedAt: new Date() }); const result = await run(deletion, this.parts);',
    cell: 'worker killed before the commit of the purge',
  },
  {
    name: 'purged before the other steps',
    file: 'consumer/deletion-worker.js',
    from: "and other.status <> 'done'",
    to: 'and false',
    cell: 'mail server away',
  },
];

const [postgres, rabbit, smtp] = await Promise.all([startPostgres(), startRabbit(), TestSmtpServer.create()]);
await smtp.listen();
let missed = 0;
try {
  console.log('| build | fault | what is seen |\n| --- | --- | --- |');
  for (const { name, cell, ...alteration } of SABOTAGES) {
    const problems = await runCell({ postgres, rabbit, smtp }, cell, [alteration]);
    if (problems.length === 0) missed += 1;
    console.log(`| ${name} | ${cell} | ${problems.join(', ') || 'nothing'} |`);
  }
} finally {
  await Promise.all([postgres.stop(), rabbit.stop(), smtp.close()]);
}
process.exit(missed === 0 ? 0 : 1);
