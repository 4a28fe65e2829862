import {
  BREAK,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  type OperationDefinitionNode,
  OperationTypeNode,
  type TypeNode,
  typeFromAST,
  visit,
} from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';
import type { Context } from '../request/context.js';
import { operationsIn } from './document-checks.js';

/** Answers as graphql-js' `execute` does, but for its errors. */
export type CompiledOperation = (
  context: Context,
  variables: Record<string, unknown>,
) => Promise<ExecutionResult> | ExecutionResult;

/**
 * Makes a function of a document that fits the schema and has one query. Null for what is not compiled:
 * - a mutation, whose time is not that of its execution;
 * - where `@skip` or `@include` could put fields in another order;
 * - with a variable that is an object: of inputs that have themselves for a field, the library makes code without end.
 *
 * It takes milliseconds and memory, and writes JavaScript: it is for documents of a manifest, and not for those of
 * strangers.
 */
export function compileOperation(schema: GraphQLSchema, document: DocumentNode): CompiledOperation | null {
  const [operation, ...others] = operationsIn(document);
  if (operation?.operation !== OperationTypeNode.QUERY || others.length > 0) return null;
  if (hasDirectives(document) || hasObjectVariables(schema, operation)) return null;
  const compiled = compileQuery(schema, document);
  if (!isCompiledQuery(compiled)) return null;
  return (context, variables) => compiled.query(undefined, context, variables);
}

function hasDirectives(document: DocumentNode): boolean {
  let found = false;
  visit(document, {
    Directive() {
      found = true;
      return BREAK;
    },
  });
  return found;
}

const hasObjectVariables = (schema: GraphQLSchema, { variableDefinitions = [] }: OperationDefinitionNode): boolean =>
  variableDefinitions.some(({ type }) => isInputObjectType(getNamedType(typeFromAST(schema, type as TypeNode))));
