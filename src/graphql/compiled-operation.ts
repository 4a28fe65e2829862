import {
  BREAK,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  getNamedType,
  getVariableValues,
  isInputObjectType,
  OperationTypeNode,
  type TypeNode,
  typeFromAST,
  type VariableDefinitionNode,
  visit,
} from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';
import { GraphQLJSONObject } from 'graphql-scalars';
import type { Context } from '../request/context.js';
import { operationsIn } from './document-checks.js';

/** Answers as graphql-js' `execute` does, but for its errors. Null where these variables are for graphql-js to judge. */
export type CompiledOperation = (
  context: Context,
  variables: Record<string, unknown>,
) => Promise<ExecutionResult> | ExecutionResult | null;

/**
 * Makes a function of a document that fits the schema and has one query. Null for what is not compiled:
 * - a mutation, whose time is not that of its execution;
 * - where `@skip` or `@include` could put fields in another order.
 *
 * Variables that are objects are read by graphql-js, and the library takes them as they are: of inputs that have
 * themselves for a field, it would make code without end.
 *
 * It takes milliseconds and memory, and writes JavaScript: it is for documents of a manifest, and not for those of
 * strangers.
 */
export function compileOperation(schema: GraphQLSchema, document: DocumentNode): CompiledOperation | null {
  const [operation, ...others] = operationsIn(document);
  if (operation?.operation !== OperationTypeNode.QUERY || others.length > 0) return null;
  if (hasDirectives(document)) return null;
  const definitions = operation.variableDefinitions ?? [];
  const objects = definitions.filter(({ type }) => isObject(schema, type));
  const namesWithDefault = definitions.filter((one) => one.defaultValue).map((one) => one.variable.name.value);
  const compiled = compileQuery(schema, asAnyObjects(document, objects));
  if (!isCompiledQuery(compiled)) return null;
  return (context, variables) => {
    // Its type may be nullable where null is not allowed, and the library does not look within objects.
    if (namesWithDefault.some((name) => variables[name] === null)) return null;
    const { coerced } = getVariableValues(schema, objects, variables);
    return coerced ? compiled.query(undefined, context, { ...variables, ...coerced }) : null;
  };
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

const isObject = (schema: GraphQLSchema, type: TypeNode) => isInputObjectType(getNamedType(typeFromAST(schema, type)));

/** A copy in which these variables may be any object, and have no default. */
const asAnyObjects = (document: DocumentNode, definitions: readonly VariableDefinitionNode[]): DocumentNode =>
  visit(document, {
    VariableDefinition(definition) {
      if (!definitions.includes(definition)) return false;
      const type = visit(definition.type, {
        NamedType: (named) => ({ ...named, name: { ...named.name, value: GraphQLJSONObject.name } }),
      });
      return { ...definition, type, defaultValue: undefined };
    },
  });
