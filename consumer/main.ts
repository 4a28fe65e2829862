import '../src/node-version.js';
import { openDatabase } from '../src/database.js';
import { createLog } from '../src/log.js';
import { configOrExit, orExit, stopOnSignal } from '../src/process.js';
import { rabbitConsumer } from './rabbit-consumer.js';

const config = configOrExit('consumer');
if (!config.amqpUrl || !config.databaseUrl) {
  console.error('The consumer needs AMQP_URL and DATABASE_URL. Without them the API handles its events itself.');
  process.exit(1);
}
const log = createLog(config.logLevel);
const database = await orExit(openDatabase(config));
const consumer = rabbitConsumer(config.amqpUrl, database.em, log);
stopOnSignal(async () => {
  await consumer.stop();
  await database.close();
});
