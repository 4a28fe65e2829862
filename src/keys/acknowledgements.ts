import jsonwebtoken from 'jsonwebtoken';
import { validate as isUuid } from 'uuid';
import { IdentityError } from '../errors.js';
import { secretBytes } from './webhook-secret.js';

/** RFC 8725, 3.11: it can be taken for no other JWT. */
const TYPE = 'erasure+jwt';
const ALGORITHM = 'HS256';
const MAX_LENGTH = 2_000;

/** That a participant has erased what it held about a user. */
export interface Acknowledgement {
  participant: string;
  userId: string;
}

/**
 * What participants sign when they have erased a user: a JWT (RFC 7519) by HS256 with the bytes of their secret, which
 * has the participant's name in `iss` and the user's id in `sub`. Used again, it changes nothing.
 */
export class Acknowledgements {
  readonly #keys: ReadonlyMap<string, Buffer>;

  constructor(participants: readonly { name: string; secret: string }[]) {
    this.#keys = new Map(participants.map(({ name, secret }) => [name, secretBytes(secret)]));
  }

  /** @throws {IdentityError} INVALID_TOKEN */
  verify(token: string): Acknowledgement {
    try {
      if (token.length > MAX_LENGTH) throw new TypeError('too long');
      const claimed = jsonwebtoken.decode(token);
      const key = typeof claimed === 'object' && this.#keys.get(claimed?.iss ?? '');
      if (!key) throw new TypeError('no participant');
      const { header, payload } = jsonwebtoken.verify(token, key, { algorithms: [ALGORITHM], complete: true });
      if (header.typ !== TYPE || 'crit' in header || typeof payload === 'string' || !isUuid(payload.sub))
        throw new TypeError('no acknowledgement');
      return { participant: String(payload.iss), userId: String(payload.sub).toLowerCase() };
    } catch {
      throw new IdentityError('INVALID_TOKEN', 'This is no acknowledgement that a participant has signed.');
    }
  }
}
