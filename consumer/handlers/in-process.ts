import type { CloudEvent } from '../../src/events/events.js';
import { isMailRequested, type MailParts, sendMail } from '../../src/mail/send-mail.js';
import { handle } from './handle.js';

/** What both of the consumer's queues get, handled in the API's process. */
export const handleInProcess = (parts: MailParts) => (event: CloudEvent) =>
  isMailRequested(event) ? sendMail(parts, event.data.mailId) : handle(parts.em, parts.log, event);
