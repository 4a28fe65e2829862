import { databaseOptions } from '../../mikro-orm.config.js';
import '../process/node-version.js';
import { configOrExit } from '../config/config-or-exit.js';
import { migrate, openDatabase } from '../database/database.js';
import { orExit } from '../process/or-exit.js';
import { inOneLine } from '../process/start-failure.js';

const [direction, ...more] = process.argv.slice(2);
const down = direction === 'down';
if (more.length > 0 || (direction !== undefined && !down)) {
  console.error(
    'Usage: npm run migrate [-- down]   (brings the schema up to date; with down, takes the last step back)',
  );
  process.exit(1);
}
const config = configOrExit('migrate');
const WAITS = 'A migration waits for a table that another transaction uses. It is tried again for ten minutes.';
const database = await orExit(openDatabase(config, databaseOptions));
try {
  const names = down
    ? (await database.orm.migrator.down()).map(({ name }) => name)
    : await migrate(database, config, () => console.error(WAITS));
  console.log(
    names.length > 0 ? `${down ? 'Taken back' : 'Migrated'}: ${names.join(', ')}` : 'The schema is up to date.',
  );
} catch (error) {
  console.error(inOneLine(error));
  process.exitCode = 1;
} finally {
  await database.close();
}

// A broker that is away keeps no new version from starting: its events wait in the outbox.
if (config.amqpUrls && !down) {
  const { declareTopology } = await import('../events/broker.js');
  await declareTopology(config.amqpUrls).then(
    () => console.log('The queues are declared.'),
    ({ message }) => console.error(`AMQP_URL: the queues are not declared (${message}). Run this again.`),
  );
}
