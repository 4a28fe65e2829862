import { isRecord, parseJson } from '../text/json.js';

/** Where a deletion is told, with a signature by Standard Webhooks. */
export interface Webhook {
  /** The name of its step is `webhook:<name>`. */
  name: string;
  url: string;
  /** `whsec_` and 24 to 64 bytes in base64. */
  secret: string;
}

const NAME = /^[a-z][a-z0-9-]{0,39}$/;
const SECRET = /^whsec_[A-Za-z0-9+/]+={0,2}$/;
const [MIN_SECRET_BYTES, MAX_SECRET_BYTES] = [24, 64];
const MAX_WEBHOOKS = 50;

/**
 * A JSON list of webhooks, such as `[{"name":"crm","url":"https://crm.example.com/deleted","secret":"whsec_…"}]`.
 * @throws {TypeError} with what is wrong, and where; never with a value.
 */
export function parseWebhooks(text: string): Webhook[] {
  const list = parseJson(text);
  if (!Array.isArray(list) || list.length > MAX_WEBHOOKS)
    throw new TypeError(`must be a JSON list of at most ${MAX_WEBHOOKS} webhooks`);
  const webhooks = list.map(webhookOf);
  if (new Set(webhooks.map(({ name }) => name)).size < webhooks.length)
    throw new TypeError('must have another name for each webhook');
  return webhooks;
}

function webhookOf(given: unknown, index: number): Webhook {
  const { name, url, secret, ...others } = isRecord(given) ? given : {};
  const fault = (what: string) => new TypeError(`has at place ${index + 1} ${what}`);
  if (Object.keys(others).length > 0) throw fault('more than name, url and secret');
  if (typeof name !== 'string' || !NAME.test(name)) throw fault('no name of small letters, digits and hyphens');
  if (typeof url !== 'string' || !isAddress(url))
    throw fault('no url that begins with https:// or http://, without user and password');
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
  const bytes = Buffer.from(text.slice('whsec_'.length), 'base64').length;
  return SECRET.test(text) && bytes >= MIN_SECRET_BYTES && bytes <= MAX_SECRET_BYTES;
}
