import { unwrapResolverError } from '@apollo/server/errors';
import {
  coerceInputValue,
  type DocumentNode,
  type GraphQLError,
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
import { type CheckedOperation, OperationLimits } from './operation-limits.js';

/** Operations that cost more run one after the other; a page of 50 users with their roles costs as much. */
export const COSTLY = 100;

/** An operation that is to run, with what came beside it. */
export interface GivenOperation {
  document: DocumentNode;
  /** Without one, GraphQL says so when it executes. */
  operation: OperationDefinitionNode | undefined;
  variables: Record<string, unknown>;
  extensions: Record<string, unknown> | undefined;
}

/** What is looked at before and after each operation. Where names are hidden, errors have none that the client did not send. */
export class OperationChecks {
  readonly #limits: OperationLimits;

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly audit: AuditTrail,
    readonly settings: { hidesNames: boolean },
  ) {
    this.#limits = new OperationLimits(schema);
  }

  /**
   * What it costs, and why it must not run, or null. Variables are checked before GraphQL itself does: its messages
   * hold the values, passwords too.
   */
  check({ document, operation, variables, extensions }: GivenOperation): CheckedOperation {
    const beyond = extensions && beyondBounds([['extensions', extensions]]);
    const issues = beyond ? [beyond] : variableIssues(this.schema, operation, variables, this.settings.hidesNames);
    if (issues.length > 0) return { cost: 0, refusal: badInputs(issues) };
    return operation ? this.#limits.check(document, operation, variables) : { cost: 0, refusal: null };
  }

  /** Records what was denied, and marks unexpected errors with the id of their request. */
  async noteErrors(errors: readonly GraphQLError[], context: Context): Promise<void> {
    await this.#recordDenials(context);
    for (const error of errors) {
      if (!(unwrapResolverError(error) instanceof IdentityError)) error.extensions.requestId = context.requestId;
    }
  }

  /** One event for a request, however often it tried. */
  async #recordDenials(context: Context): Promise<void> {
    const denials = denialsOf(context).splice(0);
    const [first] = denials;
    if (!first) return;
    const operations = new Set(denials.map(({ operation }) => operation));
    const isOneSubject = denials.every(({ subjectId }) => subjectId === first.subjectId);
    await this.audit.record(actorOf(context), {
      action: 'access.denied',
      subjectId: isOneSubject ? first.subjectId : null,
      result: AuditResult.DENIED,
      details: { operation: [...operations].join(', '), ...(denials.length > 1 && { count: denials.length }) },
    });
  }
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
