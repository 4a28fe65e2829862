import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { GraphQLEmailAddress } from 'graphql-scalars';

/** RFC 5321, 4.5.3.1.3: a path of 256 characters less its angle brackets. */
const MAX_LENGTH = 254;

/** One spelling for one mailbox: without outer blanks, NFKC, lower case. Applied before an address is checked, stored or compared. */
export const normaliseEmail = (text: string) => text.normalize('NFKC').trim().toLowerCase();

/** @throws {GraphQLError} that says what is wrong and not what was given. */
export function parseEmail(value: unknown, node?: ValueNode): string {
  const wrong = () =>
    new GraphQLError(`must be an e-mail address of at most ${MAX_LENGTH} characters`, { nodes: node });
  if (typeof value !== 'string') throw wrong();
  const email = normaliseEmail(value);
  if (email.length > MAX_LENGTH || email.indexOf('@') > 64) throw wrong();
  try {
    return GraphQLEmailAddress.parseValue(email) as string;
  } catch {
    throw wrong();
  }
}

export const EmailAddress = new GraphQLScalarType({
  name: 'EmailAddress',
  description: `An e-mail address of at most ${MAX_LENGTH} characters; outer blanks and case do not count.`,
  specifiedByURL: 'https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address',
  serialize: (value) => value,
  parseValue: (value) => parseEmail(value),
  parseLiteral: (node) => parseEmail(node.kind === Kind.STRING ? node.value : null, node),
});
