import type { SigningKey } from './signing-key.js';

export const TOKEN_SECONDS = 15 * 60;
/** So far may the clocks of two instances be apart: the one behind signs with the old key for as much longer. */
const LEEWAY_SECONDS = 60;
const KEPT_MS = (TOKEN_SECONDS + LEEWAY_SECONDS) * 1000;

/**
 * The keys, in the order in which they sign, without those of which no token can be alive: it follows from the time
 * alone, on every instance.
 */
export const living = <Key extends SigningKey>(keys: readonly Key[], now: number): Key[] =>
  keys.filter((_, index) => {
    const successor = keys[index + 1];
    return successor === undefined || successor.signsFrom + KEPT_MS > now;
  });

/** The keys of access tokens, in the order in which they sign; never empty. */
export class KeyRing<Key extends SigningKey = SigningKey> {
  constructor(protected keys: readonly [Key, ...Key[]]) {}

  /** The key that signs now. */
  current(now = Date.now()): Key {
    // Before all of them is a clock that is behind that of the machine where they were made.
    return this.keys.findLast(({ signsFrom }) => signsFrom <= now) ?? this.keys[0];
  }

  /** The key of this id, if tokens of it count. */
  find(kid: string): Key | null {
    return this.published().find((key) => key.kid === kid) ?? null;
  }

  /** The keys whose tokens count, and those that will sign next. */
  published(now = Date.now()): Key[] {
    return living(this.keys, now);
  }
}
