/** A line by its number, from 1: its text, or what keeps it from being one. */
export type Line = { number: number; text: string } | { number: number; problem: string };

const LINE_FEED = 0x0a;

/**
 * The lines of a stream of UTF-8. One that is too long is passed over without being held; the last may lack its end.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let number = 0;
  let bytes = 0;
  let held: Uint8Array[] = [];

  const take = (): Line => {
    const [line, tooLong] = [Buffer.concat(held), bytes > maxBytes];
    number++;
    bytes = 0;
    held = [];
    if (tooLong) return { number, problem: `is longer than ${maxBytes} bytes` };
    try {
      return { number, text: decoder.decode(line) };
    } catch {
      return { number, problem: 'is not UTF-8' };
    }
  };

  for await (const chunk of chunks) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      const part = chunk.subarray(start, end < 0 ? undefined : end);
      bytes += part.length;
      if (bytes <= maxBytes) held.push(part);
      else held = [];
      if (end < 0) break;
      yield take();
      start = end + 1;
    }
  }
  if (bytes > 0) yield take();
}
