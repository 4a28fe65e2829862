import type { ApolloServerPlugin, GraphQLRequestListener, GraphQLResponse } from '@apollo/server';
import { unwrapResolverError } from '@apollo/server/errors';
import {
  coerceInputValue,
  type GraphQLInputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type TypeNode,
  typeFromAST,
} from 'graphql';
import { AuditResult } from '../audit/audit-event.entity.js';
import type { AuditTrail } from '../audit/audit-trail.js';
import { badInputs, IdentityError, type Issue } from '../errors.js';
import { actorOf, type Context, denialsOf } from '../request/context.js';
import { beyondBounds } from './input-bounds.js';
import { OperationLimits } from './operation-limits.js';

/** Operations that cost more run one after the other; a page of 50 users with their roles costs as much. */
const COSTLY = 100;

/**
 * Checks variables before GraphQL itself does: its messages hold the values, passwords too. Refuses what is beyond a
 * limit, records what was denied, and marks unexpected errors with the id of their request. Where names are hidden, what is
 * said of a variable has none that the client did not send.
 */
export function requestChecks(
  schema: GraphQLSchema,
  audit: AuditTrail,
  { hidesNames }: { hidesNames: boolean },
): ApolloServerPlugin<Context> {
  const limits = new OperationLimits(schema);
  // Made once: each request would pay for a listener of its own.
  const listener: GraphQLRequestListener<Context> = {
    async didResolveOperation({ document, operation, contextValue, request: { extensions, variables = {} } }) {
      contextValue.execution.isMutation = operation?.operation === 'mutation';
      const beyond = extensions && beyondBounds([['extensions', extensions]]);
      const issues = beyond ? [beyond] : variableIssues(schema, operation, variables, hidesNames);
      const checked = issues.length === 0 && operation ? limits.check(document, operation, variables) : null;
      const error = issues.length > 0 ? badInputs(issues) : checked?.refusal;
      if (!error) {
        if (checked && checked.cost > COSTLY) await contextValue.execution.becomeCostly();
        return;
      }
      // Apollo's way to say the status: what is thrown here is a fault of the server to it.
      error.extensions.http = { status: 400 };
      throw error;
    },
    async didEncounterErrors({ errors, contextValue }) {
      await recordDenials(audit, contextValue);
      for (const error of errors) {
        if (!(unwrapResolverError(error) instanceof IdentityError)) error.extensions.requestId = contextValue.requestId;
      }
    },
    async willSendResponse({ response, contextValue }) {
      // How many errors there are would tell which of many guessed names is one.
      if (hidesNames) keepOneValidationError(response);
      await contextValue.execution.giveWay();
    },
  };
  return {
    async requestDidStart({ request }) {
      // Forms and clients that always send the field mean none by an empty name.
      if (request.operationName === '') request.operationName = undefined;
      return listener;
    },
  };
}

/** One event for a request, however often it tried. */
async function recordDenials(audit: AuditTrail, context: Context): Promise<void> {
  const denials = denialsOf(context).splice(0);
  const [first] = denials;
  if (!first) return;
  const operations = new Set(denials.map(({ operation }) => operation));
  const isOneSubject = denials.every(({ subjectId }) => subjectId === first.subjectId);
  await audit.record(actorOf(context), {
    action: 'access.denied',
    subjectId: isOneSubject ? first.subjectId : null,
    result: AuditResult.DENIED,
    details: { operation: [...operations].join(', '), ...(denials.length > 1 && { count: denials.length }) },
  });
}

function keepOneValidationError({ body }: GraphQLResponse): void {
  if (body.kind !== 'single') return;
  const { errors = [] } = body.singleResult;
  if (errors.length > 1 && errors.every(({ extensions }) => extensions?.code === 'GRAPHQL_VALIDATION_FAILED'))
    body.singleResult.errors = errors.slice(0, 1);
}

const MAX_ISSUES = 20;

/** Ends the check of a variable, whose other values are not looked at. */
class EnoughIssues extends Error {}

function variableIssues(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode | undefined,
  values: Record<string, unknown>,
  hidesNames: boolean,
): Issue[] {
  const definitions = operation?.variableDefinitions ?? [];
  const given = definitions.map(({ variable }) => variable.name.value).filter((name) => Object.hasOwn(values, name));
  const beyond = beyondBounds(given.map((name) => [name, values[name]]));
  if (beyond) return [beyond];
  const issues: Issue[] = [];
  try {
    for (const { variable, type: typeNode, defaultValue } of definitions) {
      const name = variable.name.value;
      const type = typeFromAST(schema, typeNode as TypeNode) as GraphQLInputType;
      if (!Object.hasOwn(values, name) && (defaultValue || typeNode.kind !== 'NonNullType')) continue;
      coerceInputValue(Object.hasOwn(values, name) ? values[name] : null, type, (path, _value, error) => {
        const cause = error.originalError ?? error;
        issues.push({ path: [name, ...path].join('.'), message: inWords(cause.message, schema, hidesNames) });
        if (issues.length === MAX_ISSUES) throw new EnoughIssues();
      });
    }
  } catch (error) {
    if (!(error instanceof EnoughIssues)) throw error;
  }
  return issues;
}

/**
 * Our own scalars say what is wrong without the value; GraphQL's words may hold it, so only the names in them are kept.
 */
function inWords(message: string, schema: GraphQLSchema, hidesNames: boolean): string {
  if (message.startsWith('must ')) return message;
  if (hidesNames) return /^Expected non-nullable/.test(message) ? 'must not be null' : 'does not fit its type';
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
