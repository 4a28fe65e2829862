export interface OutgoingMail {
  /** One address. */
  to: string;
  subject: string;
  text: string;
  html: string;
  /** The same for a mail that is sent again, so that a receiver may show it once. */
  messageId: string;
}

/** Where mails go: an SMTP server, or the development mailbox. */
export interface Mailer {
  /**
   * Resolves only when it has been taken.
   * @throws {MailFailure} when it was not, or that is not known.
   */
  send(mail: OutgoingMail): Promise<void>;
  close(): void;
}

/** Why a mail was not taken, in words that hold no address. */
export class MailFailure extends Error {
  override name = 'MailFailure';

  constructor(
    reason: string,
    /** The server takes this mail to this recipient neither now nor later. */
    readonly isRefusal: boolean,
    /** What the operator must put right before the server takes any; null where it is not theirs. */
    readonly advice: string | null = null,
    /** The server's enhanced status code (RFC 3463). */
    readonly enhancedCode: string | null = null,
    /** The server could not be reached, which every mail meets. */
    readonly isServerAway = false,
  ) {
    super(reason);
  }
}
