import { databaseOptions } from '../mikro-orm.config.js';
import { AuditTrail } from '../src/audit/audit-trail.js';
import { configOrExit } from '../src/config/config-or-exit.js';
import { openDatabase } from '../src/database/database.js';
import { purgeParts } from '../src/deletion/purge.js';
import { Acknowledgements } from '../src/keys/acknowledgements.js';
import { pepperOf } from '../src/keys/secrets.js';
import { createLog } from '../src/log.js';
import { openMailer } from '../src/mail/open-mailer.js';
import { endBy, type Run } from '../src/process/run.js';
import { StartFailure } from '../src/process/start-failure.js';
import { openDeletions } from './open-deletions.js';
import { rabbitConsumer } from './rabbit-consumer.js';
import { receiveAcknowledgement } from './receive-acknowledgement.js';
import { receiveEvent } from './receive-event.js';
import { receiveMail } from './receive-mail.js';

/** What hangs then is left behind: the broker gives its messages to the next consumer. */
const CONSUMER_ENDS_MS = 6_500;
const DATABASE_ENDS_MS = 1_500;

/** Starts the consumer; `run` ends it. */
export async function startConsumer(run: Run): Promise<void> {
  const config = configOrExit('consumer');
  const log = createLog(config.logLevel);
  const { amqpUrls, publicUrl } = config;
  if (!amqpUrls || !config.databaseUrl) {
    await run.step(() => {
      throw new StartFailure(
        'The consumer needs AMQP_URL and DATABASE_URL. Without them the API handles its events itself.',
      );
    });
    return;
  }
  const pepper = await run.step(() => pepperOf(config));
  const { mailer } = openMailer(config);
  if (!mailer) log.warn('there is no SMTP_URL: mail waits in the queue until there is');
  const { em } = await run.step(
    () => openDatabase(config, databaseOptions, { mayBeAway: true }),
    async ({ close }) => void (await endBy(performance.now() + DATABASE_ENDS_MS, close())),
  );
  const parts = purgeParts(config, pepper);
  const audit = new AuditTrail(em, parts.auditDigests);
  const deletions = await run.step(() => openDeletions({ ...parts, em, audit, log }, config));
  const receivers = {
    events: receiveEvent(em, { log, deletions: deletions.worker }),
    acknowledgements: receiveAcknowledgement(em, log, new Acknowledgements(config.deletionParticipants)),
    ...(mailer && { mails: receiveMail({ em, mailer, publicUrl, log }) }),
  };
  await run.step(
    () => {
      deletions.start();
      return rabbitConsumer({ urls: amqpUrls, declares: !config.production }, log, receivers);
    },
    async (consumer) => {
      mailer?.close();
      // Together, or what hangs for one would take the time of the other.
      const ending = Promise.all([consumer.stop(), deletions.stop()]);
      if (!(await endBy(performance.now() + CONSUMER_ENDS_MS, ending))) log.warn('consumer not ended in time');
    },
  );
}
