/**
 * What nodemailer says of a mail that was not taken: the command that failed, and the server's answer if there was one.
 */
export interface SmtpError extends Error {
  code?: string;
  /** Of the system or of TLS, where there is one below `code`. */
  originalCode?: string;
  command?: string;
  response?: string;
  responseCode?: number;
}

/**
 * Why a mail was not taken. `recipient`: this mail is refused for good, to this address. `operator`: this service is
 * refused, and every mail with it until somebody puts it right. `passing`: for now, or it is not known.
 */
export type Refusal = 'recipient' | 'operator' | 'passing';

/** The enhanced code of an answer (RFC 3463), such as 5.1.1. */
export const enhancedCodeOf = ({ response = '' }: SmtpError): string | null =>
  /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1] ?? null;

/** RFC 5321, 4.2.2 and RFC 4954, 6: what we say is not understood, or not allowed without a login. */
const ABOUT_OUR_WORDS = [500, 502, 503, 504, 530, 534, 535, 538, 555];
/** RFC 3463, 3: the sender's address (X.1.7, X.1.8), the protocol (X.5), policy and security (X.7). */
const ABOUT_THE_SENDER = /^5\.(1\.[78]|5\.\d+|7\.\d+)$/;
/** RFC 3463, 3.4: the message is too big for the system; whichever command is refused for it. */
const TOO_BIG = '5.3.4';

/** Also a certificate that is not trusted, which comes as a failure of the socket. */
const isAboutTls = ({ code, originalCode = '' }: SmtpError) =>
  code === 'ETLS' || /CERT|^ERR_(SSL|TLS)/.test(originalCode);

/** Told apart by the stage (the command) and the class of the answer (RFC 5321, 4.2.1 and 4.3.2; RFC 3463). */
export function refusalOf(error: SmtpError): Refusal {
  const { code, command = '', responseCode = 0 } = error;
  const enhanced = enhancedCodeOf(error);
  // Without an answer it is the network, or the server's certificate or what it offers.
  if (responseCode === 0) return isAboutTls(error) || code === 'EAUTH' ? 'operator' : 'passing';
  // Where the two codes contradict each other, the milder one counts.
  if (responseCode < 500 || enhanced?.startsWith('4.')) return 'passing';
  if (enhanced === TOO_BIG) return 'recipient';
  // Before there is a recipient, no 5xx is about one.
  if (command !== 'RCPT TO' && command !== 'DATA') return 'operator';
  if (ABOUT_OUR_WORDS.includes(responseCode) || ABOUT_THE_SENDER.test(enhanced ?? '')) return 'operator';
  // RFC 5321, 4.5.3.1.10: without more it may mean too many recipients, which is for now.
  if (responseCode === 552 && command === 'RCPT TO' && enhanced === null) return 'passing';
  return 'recipient';
}

/** What the operator may do about a refusal that is theirs to put right. */
export function adviceFor(error: SmtpError): string {
  const { code, command = '', responseCode = 0 } = error;
  if (isAboutTls(error)) return 'TLS with the mail server fails: check its certificate, and the scheme in SMTP_URL';
  if (code === 'EAUTH' || [530, 534, 535, 538].includes(responseCode))
    return 'the mail server refuses the login: check user and password in SMTP_URL';
  if (command === 'MAIL FROM') return 'the mail server refuses the sender: check MAIL_FROM, and who may send for it';
  return 'the mail server refuses mail from here: check its policy for this host and MAIL_FROM (relaying, SPF, DKIM)';
}
