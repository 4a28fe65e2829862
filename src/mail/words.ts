export interface Facts {
  /** For the greeting; null where it is better left out. */
  name: string | null;
  /** The service as its users know it: the host of PUBLIC_URL. */
  service: string;
}

/** What one mail says, in plain text; no value of a user's may be in the subject. */
export interface Words {
  subject: string;
  greeting: string;
  /** Paragraphs before the link. */
  before: string[];
  /** Label of the link's button; null for a mail without a link. */
  button: string | null;
  /** What stands before the link as text. */
  orOpen: string;
  /** Paragraphs after the link. */
  after: string[];
}
