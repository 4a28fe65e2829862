import { createCipheriv, createDecipheriv, createHmac, type KeyObject } from 'node:crypto';
import { derivedKey } from '../keys/derived-key.js';
import { fromBase64url } from '../text/base64url.js';

/** A place in an ordered list: the value it is ordered by, and the id that breaks ties. */
export interface Position {
  value: string;
  id: string;
}

const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Cursors that clients can neither read nor make: AES-256-GCM, bound to the order they were made for. The same place
 * has the same cursor, because the nonce is a MAC of what is encrypted (as in RFC 5297, SIV).
 */
export class Cursors {
  readonly #encryptionKey: KeyObject;
  readonly #nonceKey: KeyObject;

  constructor(secret: string) {
    const derive = (use: string) => derivedKey(secret, `cursor ${use}`);
    this.#encryptionKey = derive('encryption');
    this.#nonceKey = derive('nonce');
  }

  encode({ value, id }: Position, order: string): string {
    const text = JSON.stringify([value, id]);
    const nonce = createHmac('sha256', this.#nonceKey).update(`${order}\n${text}`).digest().subarray(0, IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#encryptionKey, nonce).setAAD(Buffer.from(order));
    return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
      'base64url',
    );
  }

  /** null for a cursor that is not ours, or of another order. */
  decode(cursor: string, order: string): Position | null {
    const bytes = fromBase64url(cursor);
    if (!bytes) return null;
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#encryptionKey, bytes.subarray(0, IV_BYTES), {
        authTagLength: TAG_BYTES,
      })
        .setAAD(Buffer.from(order))
        .setAuthTag(bytes.subarray(-TAG_BYTES));
      const text = decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
      const [value, id] = JSON.parse(text) as [string, string];
      return { value, id };
    } catch {
      return null;
    }
  }
}
