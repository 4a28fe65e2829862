import { createHmac, type KeyObject } from 'node:crypto';
import { derivedKey } from '../keys/derived-key.js';
import { canonicalJson } from '../text/canonical-json.js';
import type { AuditChain } from './audit-chain.entity.js';
import type { AuditEvent } from './audit-event.entity.js';

/** An event by its place in its chain; position 0 and no digest are before the first. */
export interface Place {
  position: number;
  digest: string;
}

/**
 * The digests that chain audit events: HMAC-SHA-256 over everything in a row, the digest of the row before it included
 * (cf. RFC 5848, Schneier and Kelsey 1999).
 */
export class AuditDigests {
  readonly #key: KeyObject;

  constructor(secret: string) {
    this.#key = derivedKey(secret, 'audit');
  }

  of({ digest: _, redactionMac: __, at, ...others }: AuditEvent): string {
    return this.#mac({ ...others, at: at.toISOString() });
  }

  /** Of an event without what was personal in it; its digest stays that of the whole event. */
  ofRedacted({ redactionMac: _, at, ...others }: AuditEvent): string {
    return this.#mac({ ...others, at: at.toISOString(), isRedacted: true });
  }

  /** Whether it is what was recorded after the event at that place, or what a purge left of it. */
  follows(event: AuditEvent, { position, digest }: Place): boolean {
    return event.position === position + 1 && event.previousDigest === digest && this.isGenuine(event);
  }

  isGenuine(event: AuditEvent): boolean {
    return event.redactionMac === null
      ? this.of(event) === event.digest
      : this.ofRedacted(event) === event.redactionMac;
  }

  /** Of the last event of a chain that retention removed. No event has these fields, so none is taken for the other. */
  ofRemoved(chain: number, { position, digest }: Place): string {
    return this.#mac({ chain, removedPosition: position, removedDigest: digest });
  }

  /**
   * The last event that retention removed, after which the others must follow; null if the row does not come from
   * retention.
   */
  lastRemoved({ id, removedPosition, removedDigest, removedMac }: AuditChain): Place | null {
    const place = { position: removedPosition, digest: removedDigest };
    const isUntouched = removedPosition === 0 && removedDigest === '' && removedMac === '';
    return isUntouched || removedMac === this.ofRemoved(id, place) ? place : null;
  }

  #mac(content: object): string {
    return createHmac('sha256', this.#key).update(canonicalJson(content)).digest('base64url');
  }
}
