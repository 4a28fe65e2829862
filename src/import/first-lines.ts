import { createHash } from 'node:crypto';

/** Of SHA-256: two of ten million texts are not alike by chance. */
const DIGEST_WORDS = 4;
const MOST_FULL = 0.75;

/**
 * In which line of a file each text stood first. It keeps digests alone, in at most 54 bytes for a text and outside
 * JavaScript's heap: a file of ten million users has twenty million addresses and external ids, more than a `Map` takes.
 */
export class FirstLines {
  #capacity = 1 << 10;
  #digests = new Uint32Array(this.#capacity * DIGEST_WORDS);
  /** Numbered from 1: 0 is a place that is free. */
  #lines = new Uint32Array(this.#capacity);
  #size = 0;

  /** The number of the line, from 1; null for a text that is new. By its `digestOf`. */
  find(digest: Uint32Array): number | null {
    return this.#lines[this.#placeOf(digest)] || null;
  }

  /** For one that is new. */
  add(digest: Uint32Array, line: number): void {
    if (this.#size >= this.#capacity * MOST_FULL) this.#grow();
    this.#put(digest, line);
    this.#size += 1;
  }

  /** Where the digest is, or else the free place for it. */
  #placeOf(digest: Uint32Array): number {
    let place = (digest[0] as number) % this.#capacity;
    while (this.#lines[place] !== 0 && !this.#isAt(place, digest)) place = (place + 1) % this.#capacity;
    return place;
  }

  #isAt(place: number, digest: Uint32Array): boolean {
    return digest.every((word, index) => this.#digests[place * DIGEST_WORDS + index] === word);
  }

  #put(digest: Uint32Array, line: number): void {
    const place = this.#placeOf(digest);
    this.#digests.set(digest, place * DIGEST_WORDS);
    this.#lines[place] = line;
  }

  #grow(): void {
    const [digests, lines] = [this.#digests, this.#lines];
    this.#capacity *= 2;
    this.#digests = new Uint32Array(this.#capacity * DIGEST_WORDS);
    this.#lines = new Uint32Array(this.#capacity);
    for (const [place, line] of lines.entries())
      if (line !== 0) this.#put(digests.subarray(place * DIGEST_WORDS, (place + 1) * DIGEST_WORDS), line);
  }
}

export function digestOf(text: string): Uint32Array {
  const { buffer, byteOffset } = createHash('sha256').update(text).digest();
  return new Uint32Array(buffer.slice(byteOffset, byteOffset + DIGEST_WORDS * 4));
}
