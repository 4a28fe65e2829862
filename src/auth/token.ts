import jsonwebtoken from 'jsonwebtoken';
import { validate as isUuid, v7 as uuidv7 } from 'uuid';
import type { UnauthenticatedReason } from '../errors.js';
import type { Session } from '../session/session.entity.js';
import { type KeyRing, TOKEN_SECONDS } from './key-ring.js';
import { ALGORITHM, jwkOf, type SigningKey } from './signing-key.js';

/** RFC 9068, 2.1: an access token can be taken for no other JWT of the same issuer. */
const TYPE = 'at+jwt';

/** Access tokens as JWTs (RFC 7519, 9068; RFC 8725 for the checks). They say who, never what somebody may do. */
export class AccessTokens {
  constructor(
    private readonly keys: KeyRing,
    private readonly issuer: string,
  ) {}

  /** A token for 15 minutes, or for what is left of the session. */
  issue(
    userId: string,
    session: Pick<Session, 'id' | 'expiresAt'>,
    now = new Date(),
  ): { accessToken: string; accessTokenExpiresAt: Date } {
    const iat = Math.floor(now.getTime() / 1000);
    const exp = Math.min(iat + TOKEN_SECONDS, Math.floor(session.expiresAt.getTime() / 1000));
    const claims = { iss: this.issuer, aud: this.issuer, sub: userId, sid: session.id, iat, exp, jti: uuidv7() };
    const { kid, privateKey } = this.keys.current();
    const header = { alg: ALGORITHM, typ: TYPE, kid };
    const accessToken = jsonwebtoken.sign(claims, privateKey, { algorithm: ALGORITHM, header });
    return { accessToken, accessTokenExpiresAt: new Date(exp * 1000) };
  }

  /** Whose token it is and of which session, or why it is nobody's. Never throws. */
  verify(
    token: string,
  ): { userId: string; sessionId: string } | { reason: Extract<UnauthenticatedReason, 'EXPIRED' | 'INVALID'> } {
    try {
      const key = this.#keyOf(token);
      // One that is past its time is so also where its key has gone since: its client is told to refresh.
      if (key === null) return { reason: isPast(token) ? 'EXPIRED' : 'INVALID' };
      const { header, payload } = jsonwebtoken.verify(token, key.publicKey, {
        algorithms: [ALGORITHM],
        issuer: this.issuer,
        audience: this.issuer,
        complete: true,
      });
      // The library asks for none of these: a token without `exp` would live for ever, one with `crit` asks for what we do not do.
      const ours = header.typ === TYPE && !('crit' in header);
      if (!ours || typeof payload === 'string' || typeof payload.exp !== 'number') return { reason: 'INVALID' };
      const { sub, sid } = payload;
      return isUuid(sub) && isUuid(sid) ? { userId: String(sub), sessionId: String(sid) } : { reason: 'INVALID' };
    } catch (error) {
      // Also of a kind that the library does not document, for a payload that is no JSON.
      return { reason: error instanceof jsonwebtoken.TokenExpiredError ? 'EXPIRED' : 'INVALID' };
    }
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

function isPast(token: string): boolean {
  const payload = jsonwebtoken.decode(token);
  return typeof payload === 'object' && typeof payload?.exp === 'number' && payload.exp * 1000 <= Date.now();
}
