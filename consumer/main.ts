import '../src/node-version.js';
import { openDatabase } from '../src/database.js';
import { createLog } from '../src/log.js';
import { openMailer } from '../src/mail/open-mailer.js';
import { configOrExit, orExit, stopOnSignal } from '../src/process.js';
import { rabbitConsumer } from './rabbit-consumer.js';
import { receiveEvent } from './receive-event.js';
import { receiveMail } from './receive-mail.js';

const config = configOrExit('consumer');
const { amqpUrl, databaseUrl, publicUrl } = config;
if (!amqpUrl || !databaseUrl) {
  console.error('The consumer needs AMQP_URL and DATABASE_URL. Without them the API handles its events itself.');
  process.exit(1);
}
const log = createLog(config.logLevel);
const { mailer } = openMailer(config);
if (!mailer) log.warn('there is no SMTP_URL: mail waits in the queue until there is');
const { em, close } = await orExit(openDatabase(config));
const consumer = rabbitConsumer(amqpUrl, log, {
  events: receiveEvent(em, log),
  ...(mailer && { mails: receiveMail({ em, mailer, publicUrl, log }) }),
});
stopOnSignal(async () => {
  mailer?.close();
  await consumer.stop();
  await close();
});
