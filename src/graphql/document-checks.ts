import {
  type DocumentNode,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import { documentRules, MAX_TOKENS, refusalOfDocument } from './document-rules.js';

const MAX_ERRORS = 20;

/** A document that fits the schema. */
export interface CheckedDocument {
  text: string;
  document: DocumentNode;
  /** Whether its answer is the same for all: it asks for the schema alone. */
  isPublic: boolean;
}

/** Reads a document as the server does for a request. @returns it, or what is wrong with it. */
export function checkDocument(schema: GraphQLSchema, text: string): CheckedDocument | string[] {
  const refusal = refusalOfDocument(text);
  if (refusal) return [refusal.message];
  let document: DocumentNode;
  try {
    document = parse(text, { maxTokens: MAX_TOKENS });
  } catch (error) {
    return [(error as Error).message];
  }
  const errors = validate(schema, document, [...specifiedRules, ...documentRules], { maxErrors: MAX_ERRORS });
  if (errors.length > 0) return errors.map(({ message }) => message);
  return { text, document, isPublic: operationsIn(document).every(asksForSchemaAlone) };
}

export const operationsIn = ({ definitions }: DocumentNode): OperationDefinitionNode[] =>
  definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);

const asksForSchemaAlone = ({ operation, selectionSet }: OperationDefinitionNode): boolean =>
  operation === 'query' &&
  selectionSet.selections.every((selection) => selection.kind === Kind.FIELD && selection.name.value.startsWith('__'));
