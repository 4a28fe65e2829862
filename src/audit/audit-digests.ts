import { createHmac, hkdfSync } from 'node:crypto';
import { canonicalJson } from '../canonical-json.js';
import type { AuditEvent } from './audit-event.entity.js';

/** The digests that chain audit events: HMAC-SHA-256 over everything in a row, the digest of the row before it included (cf. RFC 5848, Schneier and Kelsey 1999). */
export class AuditDigests {
  readonly #key: Uint8Array;

  constructor(secret: string) {
    this.#key = new Uint8Array(hkdfSync('sha256', secret, '', 'gatehouse audit', 32));
  }

  of({ digest: _, at, ...others }: AuditEvent): string {
    const content = canonicalJson({ ...others, at: at.toISOString() });
    return createHmac('sha256', this.#key).update(content).digest('base64url');
  }
}
