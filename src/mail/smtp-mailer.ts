import { createTransport } from 'nodemailer';
import { type Mailer, MailFailure, type OutgoingMail } from './mailer.js';

const ANSWER_MS = 5_000;
/** A whole mail: a server that says a word now and then would never be silent. Shorter than the relay's lease on the event. */
const MAIL_MS = 20_000;
/** Mails in hand have so long when the process is to end. */
const CLOSE_MS = 5_000;

/** RFC 4954, 6: "Authentication required". RFC 3463, 3.8: X.7 is about who sends, not about who receives. */
const ABOUT_THE_SENDER = /^530|^\d{3}[ -]5\.7\./;

interface SmtpError extends Error {
  code?: string;
  command?: string;
  response?: string;
  responseCode?: number;
}

/** Mail over SMTP, on a few connections that are kept for a while. Trying again is the caller's, who knows for how long. */
export function smtpMailer(url: string, from: string): Mailer {
  const transport = createTransport({
    pool: true,
    url,
    // A password is not for whoever strips STARTTLS off the greeting.
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
          throw new MailFailure(reasonOf(error), isRefusal(error));
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

const isRefusal = ({ command, response = '', responseCode = 0 }: SmtpError) =>
  command === 'RCPT TO' && responseCode >= 500 && !ABOUT_THE_SENDER.test(response);
