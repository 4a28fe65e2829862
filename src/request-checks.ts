import type { ApolloServerPlugin } from '@apollo/server';
import { unwrapResolverError } from '@apollo/server/errors';
import {
  coerceInputValue,
  type GraphQLInputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type TypeNode,
  typeFromAST,
} from 'graphql';
import type { Context } from './context.js';
import { badInputs, IdentityError, type Issue } from './errors.js';

/**
 * Checks variables before GraphQL itself does: its messages hold the values, passwords too. Marks unexpected errors with the id of their
 * request.
 */
export const requestChecks: ApolloServerPlugin<Context> = {
  async requestDidStart() {
    return {
      async didResolveOperation({ schema, operation, request }) {
        const issues = operation ? variableIssues(schema, operation, request.variables ?? {}) : [];
        if (issues.length === 0) return;
        const error = badInputs(issues);
        // Apollo's way to say the status: what is thrown here is a fault of the server to it.
        error.extensions.http = { status: 400 };
        throw error;
      },
      async didEncounterErrors({ errors, contextValue }) {
        for (const error of errors) {
          if (!(unwrapResolverError(error) instanceof IdentityError))
            error.extensions.requestId = contextValue.requestId;
        }
      },
    };
  },
};

const MAX_ISSUES = 20;

function variableIssues(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  values: Record<string, unknown>,
): Issue[] {
  const issues: Issue[] = [];
  for (const { variable, type: typeNode, defaultValue } of operation.variableDefinitions ?? []) {
    const name = variable.name.value;
    const type = typeFromAST(schema, typeNode as TypeNode) as GraphQLInputType;
    const given = Object.hasOwn(values, name);
    if (!given && (defaultValue || typeNode.kind !== 'NonNullType')) continue;
    coerceInputValue(given ? values[name] : null, type, (path, _value, error) => {
      const cause = error.originalError ?? error;
      issues.push({ path: [name, ...path].join('.'), message: inWords(cause.message, schema) });
    });
  }
  return issues.slice(0, MAX_ISSUES);
}

/** Our own scalars say what is wrong without the value; GraphQL's words may hold it, so only the names in them are kept. */
function inWords(message: string, schema: GraphQLSchema): string {
  if (message.startsWith('must ')) return message;
  const unknownField = /^Field "(\w{1,64})" is not defined by type "(\w+)"/.exec(message);
  if (unknownField) return `must not have the field ${unknownField[1]}: ${unknownField[2]} has none`;
  const missingField = /^Field "(\w+)" of required type/.exec(message);
  if (missingField) return `must have the field ${missingField[1]}`;
  if (/^Expected non-nullable type "\S+" not to be null/.test(message)) return 'must not be null';
  const typeName = /^(?:(\w+) cannot represent|.* does not exist in "(\w+)" enum)/s
    .exec(message)
    ?.slice(1)
    .find(Boolean);
  return typeName && schema.getType(typeName) ? `must be a ${typeName}` : 'does not fit its type';
}
