import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { GraphQLDateTime } from 'graphql-scalars';

/** PostgreSQL has no year 0, and RFC 3339 none behind 9999; an offset could lead to both. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z');
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z');
/** With more digits of a second than any clock has. */
const MAX_LENGTH = 64;
const LEAP_SECOND = /:60(?=[.Zz+-])/;

const RULE = 'must be a time as in RFC 3339, of the years 0001 to 9999 in UTC';

/**
 * A time in milliseconds; what is finer is cut off. A leap second is the one that follows it, as in POSIX.
 * @throws {GraphQLError} that says what is wrong and not what was given.
 */
export function parseTime(value: unknown, node?: ValueNode): Date {
  const time = typeof value === 'string' && value.length <= MAX_LENGTH ? timeOf(value) : Number.NaN;
  if (time >= FIRST_MS && time <= LAST_MS) return new Date(time);
  throw new GraphQLError(RULE, { nodes: node });
}

/** In milliseconds; NaN for what is no time. */
function timeOf(text: string): number {
  const isLeap = LEAP_SECOND.test(text);
  try {
    const time = GraphQLDateTime.parseValue(text.replace(LEAP_SECOND, ':59')).getTime();
    if (!isLeap) return time;
    // RFC 3339, 5.7: only at the end of a day in UTC.
    return new Date(time + 1000).toISOString().includes('T00:00:00.') ? time + 1000 : Number.NaN;
  } catch {
    return Number.NaN;
  }
}

export const DateTime = new GraphQLScalarType({
  ...GraphQLDateTime.toConfig(),
  description:
    'A time as in RFC 3339, such as 2007-12-03T10:15:30.000Z, of the years 0001 to 9999. Answers have it in UTC.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  parseValue: (value) => parseTime(value),
  parseLiteral: (node) => parseTime(node.kind === Kind.STRING ? node.value : null, node),
});
