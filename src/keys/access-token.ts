import { hash } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';
import { LRUCache } from 'lru-cache';
import { validate as isUuid, v7 as uuidv7 } from 'uuid';
import type { UnauthenticatedReason } from '../errors.js';
import type { NamedSession } from '../request/actor.js';
import { fromBase64url } from '../text/base64url.js';
import { type KeyRing, TOKEN_SECONDS } from './key-ring.js';
import { ALGORITHM, jwkOf, type SigningKey } from './signing-key.js';

/** RFC 9068, 2.1: an access token can be taken for no other JWT of the same issuer. */
const TYPE = 'at+jwt';
/** RFC 9068, 2.2: the client that a token was made for. There is one kind, the front ends of the house. */
const CLIENT_ID = 'gatehouse';

interface Refused {
  reason: Extract<UnauthenticatedReason, 'EXPIRED' | 'INVALID'>;
  was?: NamedSession;
}

/** Of a token whose signature and claims were found good, what may change later: its key and the time. */
interface Checked {
  named: NamedSession;
  kid: string;
  exp: number;
}

const MAX_CHECKED = 10_000;

/** Access tokens as JWTs (RFC 7519, 9068; RFC 8725 for the checks). They say who, never what somebody may do. */
export class AccessTokens {
  /** By the digest of the token, which itself lies in no memory. A signature takes a third of the time of a request. */
  readonly #checked = new LRUCache<string, Checked>({ max: MAX_CHECKED });

  constructor(
    private readonly keys: KeyRing,
    private readonly issuer: string,
  ) {}

  /** A token for 15 minutes, or for what is left of the session. */
  issue(
    userId: string,
    session: { id: string; expiresAt: Date },
    now = new Date(),
  ): { accessToken: string; accessTokenExpiresAt: Date; accessTokenExpiresIn: number } {
    const iat = Math.floor(now.getTime() / 1000);
    const exp = Math.min(iat + TOKEN_SECONDS, Math.floor(session.expiresAt.getTime() / 1000));
    const about = { sub: userId, sid: session.id, client_id: CLIENT_ID };
    const claims = { iss: this.issuer, aud: this.issuer, ...about, iat, exp, jti: uuidv7() };
    const { kid, privateKey } = this.keys.current();
    const header = { alg: ALGORITHM, typ: TYPE, kid };
    const accessToken = jsonwebtoken.sign(claims, privateKey, { algorithm: ALGORITHM, header });
    return { accessToken, accessTokenExpiresAt: new Date(exp * 1000), accessTokenExpiresIn: Math.max(0, exp - iat) };
  }

  /**
   * Whose token it is and of which session, or why it does not count; of one that is only too old also whose it was.
   * Never throws.
   */
  verify(token: string): NamedSession | Refused {
    const digest = hash('sha256', token);
    const checked = this.#checked.get(digest);
    if (checked) return this.#inForce(checked);
    try {
      const key = this.#keyOf(token);
      // One that is past its time is so also where its key has gone since: its client is told to refresh.
      if (key === null) return { reason: isPast(token) ? 'EXPIRED' : 'INVALID' };
      const { header, payload } = jsonwebtoken.verify(token, key.publicKey, {
        algorithms: [ALGORITHM],
        issuer: this.issuer,
        audience: this.issuer,
        // Looked at below: all else must hold for a token that is too old as well.
        ignoreExpiration: true,
        complete: true,
      });
      // `client_id` is not asked for: tokens from before it was there live on over an upgrade. The library asks for
      // none of these: a token without `exp` would live for ever, one with `crit` asks for what we do not do.
      const ours = header.typ === TYPE && !('crit' in header) && isCanonical(token);
      if (!ours || typeof payload === 'string' || typeof payload.exp !== 'number') return { reason: 'INVALID' };
      const { sub, sid, exp } = payload;
      if (!isUuid(sub) || !isUuid(sid)) return { reason: 'INVALID' };
      const good = { named: { userId: String(sub), sessionId: String(sid) }, kid: key.kid, exp };
      this.#checked.set(digest, good);
      return this.#inForce(good);
    } catch {
      // Also of a kind that the library does not document, for a payload that is no JSON.
      return { reason: 'INVALID' };
    }
  }

  #inForce({ named, kid, exp }: Checked): NamedSession | Refused {
    const isPast = exp * 1000 <= Date.now();
    if (this.keys.find(kid) === null) return { reason: isPast ? 'EXPIRED' : 'INVALID' };
    return isPast ? { reason: 'EXPIRED', was: named } : named;
  }

  /** The public keys for services that verify tokens themselves (RFC 7517), the next one included. */
  jwks(): { keys: object[] } {
    return { keys: this.keys.published().map(jwkOf) };
  }

  /** A token names its key, and only among ours. */
  #keyOf(token: string): SigningKey | null {
    const kid = jsonwebtoken.decode(token, { complete: true })?.header.kid;
    return typeof kid === 'string' ? this.keys.find(kid) : null;
  }
}

/** Header and payload are signed as they are spelt; the signature itself could be spelt in several ways. */
const isCanonical = (token: string) => fromBase64url(token.slice(token.lastIndexOf('.') + 1)) !== null;

function isPast(token: string): boolean {
  const payload = jsonwebtoken.decode(token);
  return typeof payload === 'object' && typeof payload?.exp === 'number' && payload.exp * 1000 <= Date.now();
}
