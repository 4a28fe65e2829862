import type { Config } from '../src/config/config.js';
import type { CloudEvent } from '../src/events/events.js';
import { isMailRequested, type MailParts, sendMail } from '../src/mail/send-mail.js';
import { DeletionWorker } from './deletion-worker.js';
import { handle } from './handlers/handle.js';
import { type StepParts, stepsOf } from './steps/steps.js';

/** The consumer in the API's process: it handles what its queues would get, and its worker runs until it is stopped. */
export function inProcessConsumer(parts: MailParts & StepParts, config: Config) {
  const steps = stepsOf(config);
  const handlerParts = { ...parts, deletionSteps: [...steps.keys()] };
  const worker = new DeletionWorker(parts, steps, config.deletionAttempts);
  worker.start();
  return {
    async handle(event: CloudEvent): Promise<void> {
      if (isMailRequested(event)) await sendMail(parts, event.data.mailId);
      else await handle(handlerParts, event);
      if (event.type === 'user.deleted') worker.wake();
    },
    stop: () => worker.stop(),
  };
}
