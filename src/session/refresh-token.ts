import { createHash, createHmac, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import { parse, stringify } from 'uuid';
import { derivedKey } from '../keys/derived-key.js';
import { fromBase64url } from '../text/base64url.js';

const ID_BYTES = 16;
const SECRET_BYTES = 32;
/** As far as the column counts. */
const MAX_ROTATION = 2 ** 31 - 1;
/**
 * Longer than a family that is refreshed every quarter of an hour for 90 days; without it, an invented token would cost
 * as many hashes as it likes.
 */
const MAX_LOOK_BACK = 10_000;
/** More than a client does within the minute in which a change of password may be repeated. */
const MAX_TRADES = 5;

/** What an opaque refresh token holds: the session, how many were before it, and 256 bits at random. */
export interface RefreshToken {
  sessionId: string;
  rotation: number;
  secret: Buffer;
}

/**
 * Refresh tokens of a family follow from one another by a key of the server, so none needs to be kept to be known
 * again.
 */
export class RefreshTokens {
  readonly #key: KeyObject;
  readonly #renewalKey: KeyObject;

  constructor(secret: string) {
    this.#key = derivedKey(secret, 'refresh token');
    this.#renewalKey = derivedKey(secret, 'renewed refresh token');
  }

  first(sessionId: string): RefreshToken {
    return { sessionId, rotation: 0, secret: randomBytes(SECRET_BYTES) };
  }

  /**
   * Another first token for a session, always the same for one change of password, so that the same request once more
   * gets it again.
   */
  renewed(sessionId: string, rotation: number, changedAt: Date): RefreshToken {
    const secret = createHmac('sha256', this.#renewalKey).update(`${sessionId}:${rotation}:${changedAt.getTime()}`);
    return { sessionId, rotation, secret: secret.digest() };
  }

  /**
   * The token with this digest, if it is the renewed one of that change or one of the few that may have followed since;
   * else null.
   */
  sinceRenewal(sessionId: string, rotation: number, changedAt: Date, digest: string): RefreshToken | null {
    for (let first = rotation; first > Math.max(0, rotation - MAX_TRADES); first -= 1) {
      let token = this.renewed(sessionId, first, changedAt);
      while (token.rotation < rotation) token = this.next(token);
      if (isSame(digestOf(token), digest)) return token;
    }
    return null;
  }

  /** The token that this one is traded for: always the same, so a client that lost the answer gets it again. */
  next({ sessionId, rotation, secret }: RefreshToken): RefreshToken {
    const successor = createHmac('sha256', this.#key).update(secret).update(`${sessionId}:${rotation}`).digest();
    return { sessionId, rotation: rotation + 1, secret: successor };
  }

  /**
   * The token of this rotation that follows from the given one, if it has the digest; else null. Who knows only a
   * session's id gets nothing.
   */
  descendantOf(token: RefreshToken, rotation: number, digest: string): RefreshToken | null {
    if (rotation - token.rotation > MAX_LOOK_BACK) return null;
    let descendant = token;
    while (descendant.rotation < rotation) descendant = this.next(descendant);
    return isSame(digestOf(descendant), digest) ? descendant : null;
  }
}

const isSame = (a: string, b: string) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

export const digestOf = (token: RefreshToken): string => createHash('sha256').update(encode(token)).digest('base64url');

export function encode({ sessionId, rotation, secret }: RefreshToken): string {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(rotation);
  return Buffer.concat([parse(sessionId), count, secret]).toString('base64url');
}

/** null for what cannot be a token. */
export function decode(text: string): RefreshToken | null {
  const bytes = fromBase64url(text);
  if (bytes?.length !== ID_BYTES + 4 + SECRET_BYTES) return null;
  const rotation = bytes.readUInt32BE(ID_BYTES);
  if (rotation >= MAX_ROTATION) return null;
  try {
    const sessionId = stringify(bytes.subarray(0, ID_BYTES));
    return { sessionId, rotation, secret: bytes.subarray(ID_BYTES + 4) };
  } catch {
    return null;
  }
}
