import { getDirective, printSchemaWithDirectives } from '@graphql-tools/utils';
import {
  buildSchema,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  isInterfaceType,
  isObjectType,
  isUnionType,
} from 'graphql';
import type { ErrorCode } from '../errors.js';
import { ACCESS, type Access } from './directives.js';

/** What stands in the schema about one field. */
export interface FieldRule {
  type: GraphQLObjectType;
  field: GraphQLField<unknown, unknown>;
  /** `Type.field`. */
  name: string;
  access: Access;
  /** What the field may fail with, beside what any guarded field may. */
  codes: readonly ErrorCode[];
}

/** The schema says something about access that cannot be held. */
export class RuleError extends Error {
  constructor(readonly offenders: string[]) {
    super(`The rules of the schema cannot be held:\n${offenders.map((offender) => `  - ${offender}`).join('\n')}`);
  }
}

/**
 * The rule of every field: the stricter of its own and its type's.
 * @throws {RuleError} for a field without a rule, one that loosens its type's, a subject that cannot be found, a rule
 *   on an interface or union, and a directive that is misspelt or has a wrong argument.
 */
export function rulesOf(schema: GraphQLSchema): FieldRule[] {
  assertDirectivesAreKnown(schema);
  const offenders: string[] = [];
  const types = Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith('__'));
  for (const type of types) {
    // The resolvers of an interface's fields never run, so a rule there would guard nothing.
    if (!isInterfaceType(type) && !isUnionType(type)) continue;
    const fields = isInterfaceType(type) ? Object.values(type.getFields()) : [];
    const isRuled = [type, ...fields].some((node) => readDirective(schema, node, 'auth', type.name, offenders));
    if (isRuled) offenders.push(`${type.name}: @auth on an interface or union`);
  }
  const rules = types.filter(isObjectType).flatMap((type) => rulesOfType(schema, type, offenders));
  if (offenders.length > 0) throw new RuleError(offenders);
  return rules;
}

function rulesOfType(schema: GraphQLSchema, type: GraphQLObjectType, offenders: string[]): FieldRule[] {
  const ofType = readDirective(schema, type, 'auth', type.name, offenders)?.requires as Access | undefined;
  return Object.values(type.getFields()).flatMap((field) => {
    const name = `${type.name}.${field.name}`;
    const ofField = readDirective(schema, field, 'auth', name, offenders)?.requires as Access | undefined;
    const codes = (readDirective(schema, field, 'errors', name, offenders)?.codes ?? []) as ErrorCode[];
    const access = ofField ?? ofType;
    if (!access) {
      offenders.push(`${name}: no @auth, and none on its type`);
      return [];
    }
    if (ofType && isStricter(ofType, access)) offenders.push(`${name}: its rule is weaker than its type's`);
    if (access === 'SELF_OR_ADMIN' && !hasSubject(schema, type, field)) {
      offenders.push(`${name}: SELF_OR_ADMIN needs a parent that is a user's or an argument id: ID!`);
    }
    return [{ type, field, name, access, codes }];
  });
}

/** A library that builds schemas from classes keeps a directive that is not defined, and nothing would enforce it. */
function assertDirectivesAreKnown(schema: GraphQLSchema): void {
  try {
    buildSchema(printSchemaWithDirectives(schema));
  } catch (error) {
    throw new RuleError((error as Error).message.split('\n\n'));
  }
}

type Node = Parameters<typeof getDirective>[1];

function readDirective(schema: GraphQLSchema, node: Node, directive: string, name: string, offenders: string[]) {
  try {
    return getDirective(schema, node, directive)?.[0];
  } catch (error) {
    offenders.push(`${name}: @${directive}: ${(error as Error).message}`);
    return undefined;
  }
}

const isStricter = (a: Access, b: Access) => ACCESS.indexOf(a) > ACCESS.indexOf(b);

/** Where the parent of a SELF_OR_ADMIN field holds the id of the user that it is about. */
export const SUBJECTS: Record<string, string> = { User: 'id', Session: 'userId', DataExport: 'userId' };

export const isRoot = (schema: GraphQLSchema, type: GraphQLObjectType) =>
  type === schema.getQueryType() || type === schema.getMutationType();

const hasSubject = (schema: GraphQLSchema, type: GraphQLObjectType, field: GraphQLField<unknown, unknown>) =>
  isRoot(schema, type)
    ? field.args.some(({ name, type }) => name === 'id' && String(type) === 'ID!')
    : Object.hasOwn(SUBJECTS, type.name);
