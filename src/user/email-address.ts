import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { GraphQLEmailAddress } from 'graphql-scalars';
import { hostInAscii, hostInLetters, partInAscii } from './host-name.js';

/** RFC 5321, 4.5.3.1.3: a path of 256 characters less its angle brackets. */
const MAX_LENGTH = 254;
const MAX_LOCAL_LENGTH = 64;

/**
 * One spelling for one mailbox: in ASCII and lower case, without outer blanks. The part before the @ is in NFKC, the
 * domain as UTS 46 makes it. Applied before an address is stored or compared.
 * @throws {GraphQLError} that says what is wrong and not what was given.
 */
export function parseEmail(value: unknown, node?: ValueNode): string {
  const wrong = (rule = `must be an e-mail address of at most ${MAX_LENGTH} characters`) =>
    new GraphQLError(rule, { nodes: node });
  if (typeof value !== 'string') throw wrong();
  const text = value.normalize('NFKC').trim();
  const at = text.lastIndexOf('@');
  // Also before the domain is looked at, which takes quadratic time.
  if (text.length > MAX_LENGTH || at < 1 || at > MAX_LOCAL_LENGTH) throw wrong();
  const [local, host] = [text.slice(0, at).toLowerCase(), hostInAscii(text.slice(at + 1))];
  if (host === null) throw wrong();
  if (/\P{ASCII}/u.test(local)) throw wrong('must have ASCII characters alone before the @ (no SMTPUTF8)');
  const email = `${local}@${host}`;
  if (email.length > MAX_LENGTH) throw wrong();
  try {
    return GraphQLEmailAddress.parseValue(email) as string;
  } catch {
    throw wrong();
  }
}

/** The same for a part of an address that somebody looks for; of its domain whole labels. */
export function partOfEmail(text: string): string {
  const part = text.normalize('NFKC').toLowerCase();
  const at = part.lastIndexOf('@') + 1;
  return part.slice(0, at) + (partInAscii(text.normalize('NFKC').slice(at)) ?? part.slice(at));
}

/** For people to read; where it is to be compared or sent, the address itself is. */
export function displayEmail(email: string): string {
  const at = email.lastIndexOf('@') + 1;
  return email.slice(0, at) + hostInLetters(email.slice(at));
}

export const EmailAddress = new GraphQLScalarType({
  name: 'EmailAddress',
  description: `An e-mail address of at most ${MAX_LENGTH} characters, ASCII before the @. Outer blanks and case do not count. An internationalised domain is taken in either form, and answered in its ASCII form (UTS 46).`,
  specifiedByURL: 'https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address',
  serialize: (value) => value,
  parseValue: (value) => parseEmail(value),
  parseLiteral: (node) => parseEmail(node.kind === Kind.STRING ? node.value : null, node),
});
