import { createHmac, type KeyObject, randomUUID, timingSafeEqual } from 'node:crypto';
import { parse, stringify } from 'uuid';
import { derivedKey } from '../keys/derived-key.js';
import { fromBase64url } from '../text/base64url.js';

const ID_BYTES = 16;
const TIME_BYTES = 4;
const MAC_BYTES = 32;
const CONTENT_BYTES = 2 * ID_BYTES + TIME_BYTES;
const MAX_AGE_SECONDS = 400 * 24 * 60 * 60;

/** A device from which its user has signed in. */
export interface Device {
  id: string;
  userId: string;
}

/**
 * Tokens that a device keeps after a sign-in and sends with the next one. They open nothing: they only tell the owner's
 * attempts from those of strangers. Each holds user, device and time under a MAC, so none is stored.
 */
export class DeviceTokens {
  readonly #key: KeyObject;

  constructor(secret: string) {
    this.#key = derivedKey(secret, 'device token');
  }

  /** For a new device, or for a known one, which keeps its id and so its count. */
  issue(userId: string, deviceId: string = randomUUID(), now = Date.now()): { deviceToken: string; expiresAt: Date } {
    const time = Buffer.alloc(TIME_BYTES);
    time.writeUInt32BE(Math.floor(now / 1000));
    const content = Buffer.concat([parse(userId), parse(deviceId), time]);
    return {
      deviceToken: Buffer.concat([content, this.#mac(content)]).toString('base64url'),
      expiresAt: new Date(now + MAX_AGE_SECONDS * 1000),
    };
  }

  /** Null for what is no token of ours, or older than 400 days. */
  read(token: string, now = Date.now()): Device | null {
    const bytes = fromBase64url(token);
    if (bytes?.length !== CONTENT_BYTES + MAC_BYTES) return null;
    const content = bytes.subarray(0, CONTENT_BYTES);
    if (!timingSafeEqual(bytes.subarray(CONTENT_BYTES), this.#mac(content))) return null;
    if (content.readUInt32BE(2 * ID_BYTES) + MAX_AGE_SECONDS < now / 1000) return null;
    return {
      userId: stringify(content.subarray(0, ID_BYTES)),
      id: stringify(content.subarray(ID_BYTES, 2 * ID_BYTES)),
    };
  }

  #mac(content: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(content).digest();
  }
}
