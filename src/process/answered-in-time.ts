/** What should have answered is silent: it may be frozen, or its network. */
export class NoAnswer extends Error {}

/** The answer of another process, which may be frozen. @throws {NoAnswer} after `withinMs` without one. */
export function answeredInTime<T>(answer: Promise<T>, withinMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const refuse = () => reject(new NoAnswer(`no answer within ${withinMs} ms`));
    // A busy process looks at its clock before its sockets: an answer that lies there is not late.
    const late = setTimeout(() => setImmediate(refuse), withinMs);
    answer.then(resolve, reject).finally(() => clearTimeout(late));
  });
}
