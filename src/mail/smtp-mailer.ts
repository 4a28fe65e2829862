import { createTransport } from 'nodemailer';
import { type Mailer, MailFailure, type OutgoingMail } from './mailer.js';
import { adviceFor, enhancedCodeOf, refusalOf, type SmtpError } from './smtp-refusal.js';

const ANSWER_MS = 5_000;
/**
 * A whole mail: a server that says a word now and then would never be silent. Shorter than the relay's lease on the
 * event.
 */
const MAIL_MS = 20_000;
/** Mails in hand have so long when the process is to end. */
const CLOSE_MS = 5_000;

/**
 * Mail over SMTP, on a few connections that are kept for a while. Trying again is the caller's, who knows for how long.
 */
export function smtpMailer(url: string, from: string): Mailer {
  const transport = createTransport({
    pool: true,
    url,
    // An attacker who strips STARTTLS off the greeting must not get the password.
    requireTLS: new URL(url).username !== '',
    connectionTimeout: ANSWER_MS,
    greetingTimeout: ANSWER_MS,
    socketTimeout: ANSWER_MS,
    dnsTimeout: ANSWER_MS,
    // One, for a connection that the server has ended while it was idle.
    maxRequeues: 1,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send(mail: OutgoingMail) {
      const headers = { 'auto-submitted': 'auto-generated' };
      await transport
        .sendMail({ ...mail, from, headers, signal: AbortSignal.timeout(MAIL_MS) })
        .catch((error: SmtpError) => {
          throw failureOf(error);
        });
    },
    close() {
      transport.close();
      setTimeout(() => transport.close({ force: true }), CLOSE_MS).unref();
    },
  };
}

/** The server's own words often hold the address. */
const reasonOf = ({ code, command, responseCode }: SmtpError) =>
  ['mail server', code, command, responseCode].filter(Boolean).join(' ');

function failureOf(error: SmtpError): MailFailure {
  const refusal = refusalOf(error);
  const advice = refusal === 'operator' ? adviceFor(error) : null;
  const isServerAway = refusal === 'passing' && error.command === 'CONN';
  return new MailFailure(reasonOf(error), refusal === 'recipient', advice, enhancedCodeOf(error), isServerAway);
}
