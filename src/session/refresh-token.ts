import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { parse, stringify } from 'uuid';

const ID_BYTES = 16;
const SECRET_BYTES = 32;
/** Longer than a family that is refreshed every quarter of an hour for 90 days; without it, an invented token would cost as many hashes as it likes. */
const MAX_LOOK_BACK = 10_000;

/** What an opaque refresh token holds: the session, how many were before it, and 256 bits that nobody can guess. */
export interface RefreshToken {
  sessionId: string;
  rotation: number;
  secret: Buffer;
}

/** Refresh tokens of a family follow from one another by a key of the server, so none needs to be kept to be known again. */
export class RefreshTokens {
  readonly #key: Uint8Array;

  constructor(secret: string) {
    this.#key = new Uint8Array(hkdfSync('sha256', secret, '', 'gatehouse refresh token', 32));
  }

  first(sessionId: string, rotation = 0): RefreshToken {
    return { sessionId, rotation, secret: randomBytes(SECRET_BYTES) };
  }

  /** The token that this one is traded for: always the same, so a client that lost the answer gets it again. */
  next({ sessionId, rotation, secret }: RefreshToken): RefreshToken {
    const successor = createHmac('sha256', this.#key).update(secret).update(`${sessionId}:${rotation}`).digest();
    return { sessionId, rotation: rotation + 1, secret: successor };
  }

  /** Whether `digest` is of a token that follows from this one after as many trades. Whoever knows only a session's id cannot pass. */
  isAncestorOf(token: RefreshToken, rotation: number, digest: string): boolean {
    if (rotation - token.rotation > MAX_LOOK_BACK) return false;
    let descendant = token;
    while (descendant.rotation < rotation) descendant = this.next(descendant);
    return isSame(digestOf(descendant), digest);
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
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length !== ID_BYTES + 4 + SECRET_BYTES) return null;
  try {
    const sessionId = stringify(bytes.subarray(0, ID_BYTES));
    return { sessionId, rotation: bytes.readUInt32BE(ID_BYTES), secret: bytes.subarray(ID_BYTES + 4) };
  } catch {
    return null;
  }
}
