import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';
import { validate as isUuid, v7 as uuidv7 } from 'uuid';
import type { UnauthenticatedReason } from '../errors.js';

const LIFETIME_SECONDS = 15 * 60;
const ALGORITHM = 'ES256';
/** RFC 9068, 2.1: an access token can be taken for no other JWT of the same issuer. */
const TYPE = 'at+jwt';

/** Access tokens as JWTs (RFC 7519, 9068; RFC 8725 for the checks). They say who, never what somebody may do. */
export class AccessTokens {
  readonly #publicKey: KeyObject;
  readonly #kid: string;

  constructor(
    private readonly privateKey: KeyObject,
    private readonly issuer: string,
  ) {
    this.#publicKey = createPublicKey(privateKey);
    const { crv, kty, x, y } = this.#publicKey.export({ format: 'jwk' });
    // RFC 7638: the thumbprint is over these members in this order.
    this.#kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
  }

  issue(userId: string, sessionId: string, now = new Date()): { accessToken: string; accessTokenExpiresAt: Date } {
    const iat = Math.floor(now.getTime() / 1000);
    const exp = iat + LIFETIME_SECONDS;
    const claims = { iss: this.issuer, aud: this.issuer, sub: userId, sid: sessionId, iat, exp, jti: uuidv7() };
    const header = { alg: ALGORITHM, typ: TYPE, kid: this.#kid };
    const accessToken = jsonwebtoken.sign(claims, this.privateKey, { algorithm: ALGORITHM, header });
    return { accessToken, accessTokenExpiresAt: new Date(exp * 1000) };
  }

  /** Whose token it is and of which session, or why it is nobody's. Never throws. */
  verify(
    token: string,
  ): { userId: string; sessionId: string } | { reason: Extract<UnauthenticatedReason, 'EXPIRED' | 'INVALID'> } {
    try {
      const { header, payload } = jsonwebtoken.verify(token, this.#publicKey, {
        algorithms: [ALGORITHM],
        issuer: this.issuer,
        audience: this.issuer,
        complete: true,
      });
      // The library asks for none of these: a token without `exp` would live for ever, one with `crit` asks for what we do not do.
      const ours = header.typ === TYPE && header.kid === this.#kid && !('crit' in header);
      if (!ours || typeof payload === 'string' || typeof payload.exp !== 'number') return { reason: 'INVALID' };
      const { sub, sid } = payload;
      return isUuid(sub) && isUuid(sid) ? { userId: String(sub), sessionId: String(sid) } : { reason: 'INVALID' };
    } catch (error) {
      // Also of a kind that the library does not document, for a payload that is no JSON.
      return { reason: error instanceof jsonwebtoken.TokenExpiredError ? 'EXPIRED' : 'INVALID' };
    }
  }

  /** The public key for services that verify tokens themselves (RFC 7517). */
  jwks(): { keys: object[] } {
    return { keys: [{ ...this.#publicKey.export({ format: 'jwk' }), kid: this.#kid, alg: ALGORITHM, use: 'sig' }] };
  }
}
