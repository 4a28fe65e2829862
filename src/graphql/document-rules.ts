import { GraphQLError, type ValidationRule } from 'graphql';
import { beyondLimit, type IdentityError } from '../errors.js';
import { INPUT_LIMITS, tooManyItems } from './input-bounds.js';

/**
 * GraphQL compares each with each, recursively where they lead to one another; some ninety of them are more than its
 * stack holds.
 */
export const MAX_FRAGMENTS = 50;
/** For the place of each error, GraphQL counts the lines from the first on. */
export const MAX_LINES = 4_000;
/** What validating a document costs grows with the square of its tokens. */
export const MAX_TOKENS = 1_000;

/**
 * What is wrong with a document that must not come to be validated; null if nothing is. Words in texts and comments
 * count too.
 */
export function refusalOfDocument(text: string): IdentityError | null {
  if (count(text, /\bfragment\b/g) > MAX_FRAGMENTS)
    return beyondLimit('TOO_MANY_FRAGMENTS', `The document has more than ${MAX_FRAGMENTS} fragments.`, MAX_FRAGMENTS);
  if (count(text, /\r\n|[\n\r]/g) >= MAX_LINES)
    return beyondLimit('TOO_MANY_LINES', `The document has more than ${MAX_LINES} lines.`, MAX_LINES);
  return null;
}

const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;

/**
 * Of the GraphQL specification (5.2.1.1, Operation Type Existence); the library finds it out when it executes, as a
 * fault of the server.
 */
const operationTypeExists: ValidationRule = (context) => ({
  OperationDefinition(node) {
    if (context.getSchema().getRootType(node.operation)) return;
    context.reportError(
      new GraphQLError(`There are no operations of the type ${node.operation} here.`, { nodes: node }),
    );
  },
});

/** As in variables: of GraphQL's own checks of a list, each item is one. */
const listsAreShort: ValidationRule = (context) => ({
  ListValue(node) {
    if (node.values.length <= INPUT_LIMITS.items) return;
    context.reportError(new GraphQLError(tooManyItems, { nodes: node }));
    return false;
  },
});

export const documentRules: readonly ValidationRule[] = [operationTypeExists, listsAreShort];
