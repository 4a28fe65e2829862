import { badInput } from '../errors.js';
import type { Position } from './cursor.js';

export const DEFAULT_SIZE = 20;
/** A page of more is refused. */
export const MAX_SIZE = 100;

/** The directive of a field whose answer is a page, by the arguments that say how large it is. */
export const listSize = (...slicingArguments: string[]) =>
  `@listSize(assumedSize: ${DEFAULT_SIZE}, slicingArguments: ${JSON.stringify(slicingArguments)}, sizedFields: ["nodes", "edges"])`;

/** Which part of a list is asked for. */
export interface Range {
  size: number;
  /** Whether the page lies at the end of the range. */
  fromEnd: boolean;
  after: Position | null;
  before: Position | null;
}

/** @throws {IdentityError} BAD_USER_INPUT for a size outside 1 to 100. */
export function checkedSize(size: number, path: string): number {
  if (size < 1 || size > MAX_SIZE) throw badInput(path, `must be from 1 to ${MAX_SIZE}`);
  return size;
}

/**
 * A page from its rows: read from the end of the range that it lies at, and one more than the page, if there is one.
 * Cursors are encrypted only when asked for: most callers want one of a page, or none.
 */
export function connectionOf<T>(rows: T[], { size, fromEnd, after, before }: Range, cursorOf: (row: T) => string) {
  const hasMore = rows.length > size;
  const nodes = rows.slice(0, size);
  if (fromEnd) nodes.reverse();
  const cursorAt = (index: number) => {
    const node = nodes.at(index);
    return node ? cursorOf(node) : null;
  };
  return {
    edges: nodes.map((node) => ({
      node,
      get cursor() {
        return cursorOf(node);
      },
    })),
    nodes,
    pageInfo: {
      hasNextPage: fromEnd ? before !== null : hasMore,
      hasPreviousPage: fromEnd ? hasMore : after !== null,
      get startCursor() {
        return cursorAt(0);
      },
      get endCursor() {
        return cursorAt(-1);
      },
    },
  };
}
