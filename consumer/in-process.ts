import type { Config } from '../src/config/config.js';
import type { CloudEvent } from '../src/events/events.js';
import { isMailRequested, type MailParts } from '../src/mail/send-mail.js';
import { handle } from './handlers/handle.js';
import { openDeletions } from './open-deletions.js';
import { sendMailAndGoOn } from './steps/mail.js';
import type { StepParts } from './steps/steps.js';

/** The consumer in the API's process: it handles what its queues would get, and its worker runs until it is stopped. */
export async function inProcessConsumer(parts: MailParts & StepParts, config: Config) {
  const deletions = await openDeletions(parts, config);
  deletions.start();
  return {
    handle: (event: CloudEvent): Promise<void> =>
      isMailRequested(event)
        ? sendMailAndGoOn(parts, event.data.mailId)
        : handle(parts.em, { log: parts.log, deletions: deletions.worker }, [event]),
    stop: () => deletions.stop(),
  };
}
