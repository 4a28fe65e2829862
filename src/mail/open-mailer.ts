import { join } from 'node:path';
import type { Config } from '../config/config.js';
import { Mailbox } from './mailbox.js';
import type { Mailer } from './mailer.js';
import { smtpMailer } from './smtp-mailer.js';

/**
 * Where mail goes: to a server, or to development's mailbox. Production without a server has none of both, and mail
 * waits.
 */
export function openMailer({ smtpUrl, mailFrom, production, dataDir }: Config): {
  mailer: Mailer | null;
  mailbox: Mailbox | null;
} {
  if (smtpUrl) return { mailer: smtpMailer(smtpUrl, mailFrom), mailbox: null };
  const mailbox = production ? null : new Mailbox(join(dataDir, 'mail'), mailFrom);
  return { mailer: mailbox, mailbox };
}
