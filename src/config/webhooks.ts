import { secretBytes } from '../keys/webhook-secret.js';
import { isRecord, parseJson } from '../text/json.js';

/** Where a deletion is told, with a signature by Standard Webhooks. */
export interface Webhook {
  /** The name of its step is `webhook:<name>`. */
  name: string;
  url: string;
  /** `whsec_` and 24 to 64 bytes in base64. */
  secret: string;
}

/** Another service that erases what it holds about a user, and acknowledges it with its secret. */
export interface Participant extends Omit<Webhook, 'url'> {
  /** Null where it hears of deletions from the broker. */
  url: string | null;
}

const NAME = /^[a-z][a-z0-9-]{0,39}$/;
const SECRET = /^whsec_[A-Za-z0-9+/]+={0,2}$/;
const [MIN_SECRET_BYTES, MAX_SECRET_BYTES] = [24, 64];
const MAX_ENTRIES = 50;

/**
 * A JSON list of webhooks, such as `[{"name":"crm","url":"https://crm.example.com/deleted","secret":"whsec_…"}]`.
 * @throws {TypeError} with what is wrong, and where; never with a value.
 */
export function parseWebhooks(text: string): Webhook[] {
  return listOf(text, 'webhook', ({ url, ...webhook }, fault) => {
    if (url === null) throw fault(NO_URL);
    return { ...webhook, url };
  });
}

/**
 * The same of participants, whose `url` may be left out.
 * @throws {TypeError} as `parseWebhooks`.
 */
export const parseParticipants = (text: string): Participant[] => listOf(text, 'participant', (entry) => entry);

type Fault = (what: string) => TypeError;

const NO_URL = 'no url that begins with https:// or http://, without user and password';

function listOf<T extends Participant>(
  text: string,
  what: string,
  convert: (entry: Participant, fault: Fault) => T,
): T[] {
  const list = parseJson(text);
  if (!Array.isArray(list) || list.length > MAX_ENTRIES)
    throw new TypeError(`must be a JSON list of at most ${MAX_ENTRIES} ${what}s`);
  const entries = list.map((given, index) => {
    const fault = (missing: string) => new TypeError(`has at place ${index + 1} ${missing}`);
    return convert(entryOf(given, fault), fault);
  });
  if (new Set(entries.map(({ name }) => name)).size < entries.length)
    throw new TypeError(`must have another name for each ${what}`);
  return entries;
}

function entryOf(given: unknown, fault: Fault): Participant {
  const { name, url = null, secret, ...others } = isRecord(given) ? given : {};
  if (Object.keys(others).length > 0) throw fault('more than name, url and secret');
  if (typeof name !== 'string' || !NAME.test(name)) throw fault('no name of small letters, digits and hyphens');
  if (url !== null && (typeof url !== 'string' || !isAddress(url))) throw fault(NO_URL);
  if (typeof secret !== 'string' || !isSecret(secret))
    throw fault(`no secret of whsec_ and ${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES} bytes in base64`);
  return { name, url, secret };
}

function isAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && !username && !password;
}

function isSecret(text: string): boolean {
  const bytes = secretBytes(text).length;
  return SECRET.test(text) && bytes >= MIN_SECRET_BYTES && bytes <= MAX_SECRET_BYTES;
}
