import { createHmac, type KeyObject } from 'node:crypto';
import { derivedKey } from './derived-key.js';

const MARK_CHARACTERS = 32;

/**
 * What stands in the place of an address or an id that was purged: a digest with a key that is not in the database
 * (HMAC-SHA-256, 128 bits). A person who was erased is still known when an import brings them again, and nobody can read
 * who it was.
 */
export class ErasedMarks {
  readonly #key: KeyObject;

  constructor(secret: string) {
    this.#key = derivedKey(secret, 'erased');
  }

  /** In the form of an address that no mail can reach (RFC 2606). */
  ofEmail = (email: string): string => `${this.ofId(email)}@deleted.invalid`;

  ofId = (id: string): string =>
    `deleted-${createHmac('sha256', this.#key).update(id).digest('hex').slice(0, MARK_CHARACTERS)}`;
}
