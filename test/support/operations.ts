import {
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';
import { EnumName, json, Raw } from './hostile.js';

type Field = GraphQLField<unknown, unknown>;

/** A field that takes arguments, and the fields that lead to it from its root. */
export interface Way {
  name: string;
  kind: 'query' | 'mutation';
  above: string[];
  field: Field;
}

/** Every field of the schema that takes arguments: those of the roots, and those that a query reaches from there. */
export function fieldsWithArguments(schema: GraphQLSchema): Way[] {
  const ways: Way[] = [];
  const seen = new Set<GraphQLObjectType>();
  const walk = (type: GraphQLObjectType, kind: Way['kind'], above: string[]): void => {
    seen.add(type);
    const fields = Object.values(type.getFields());
    for (const field of fields) {
      if (field.args.length > 0) ways.push({ name: `${type.name}.${field.name}`, kind, above, field });
    }
    // Those without arguments first, or a page of users would be read on the way to one's own.
    for (const field of fields.toSorted((a, b) => a.args.length - b.args.length)) {
      const next = getNamedType(field.type);
      if (!isObjectType(next) || seen.has(next) || field.args.some(isRequiredArgument)) continue;
      walk(next, kind, [...above, field.name]);
    }
  };
  for (const kind of ['query', 'mutation'] as const) {
    const root = schema.getRootType(kind as never);
    if (root) walk(root, kind, []);
  }
  return ways;
}

/**
 * How values come into an operation: as variables, as literals, or each part as a variable of its own with a default.
 */
export const FORMS = ['variables', 'literals', 'parts'] as const;
export type Form = (typeof FORMS)[number];

/** The operation as JSON for the body of a request. */
export function bodyOf({ kind, above, field }: Way, values: Record<string, unknown>, form: Form): string {
  const definitions: string[] = [];
  const variables: string[] = [];
  const variable = (type: string, value: unknown, byDefault = '') => {
    const name = `v${definitions.length}`;
    definitions.push(`$${name}: ${type}${byDefault}`);
    variables.push(`"${name}":${json(value)}`);
    return `$${name}`;
  };
  const part = (type: GraphQLInputType, value: unknown): string => {
    const nullable = getNullableType(type);
    if (isInputObjectType(nullable) && isPlain(value)) {
      const fields = nullable.getFields();
      return `{${Object.entries(value).map(([key, inner]) => {
        const of = Object.hasOwn(fields, key) ? fields[key]?.type : undefined;
        return `${key}: ${of ? part(of, inner) : literal(inner)}`;
      })}}`;
    }
    if (isListType(nullable) && Array.isArray(value))
      return `[${value.map((item) => part(nullable.ofType as GraphQLInputType, item))}]`;
    return isLeafType(nullable)
      ? variable(String(nullable), value, isNonNullType(type) ? ` = ${defaultOf(nullable)}` : '')
      : variable(String(type), value);
  };
  const given = field.args
    .filter(({ name }) => Object.hasOwn(values, name))
    .map(({ name, type }) => {
      const value = values[name];
      if (form === 'literals') return `${name}: ${literal(value)}`;
      return `${name}: ${form === 'variables' ? variable(String(type), value) : part(type, value)}`;
    });
  const args = given.length > 0 ? `(${given.join(', ')})` : '';
  const inner = `${field.name}${args} ${selectionOf(field.type)}`;
  const selection = above.reduceRight((text, name) => `${name} { ${text} }`, inner);
  const head = definitions.length > 0 ? `${kind} (${definitions.join(', ')})` : kind;
  return `{"query":${JSON.stringify(`${head} { ${selection} }`)},"variables":{${variables}}}`;
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

function literal(value: unknown): string {
  if (value instanceof Raw) return value.literal;
  if (value instanceof EnumName) return value.name;
  if (Array.isArray(value)) return `[${value.map(literal)}]`;
  if (isPlain(value)) return `{${Object.entries(value).map(([key, inner]) => `${key}: ${literal(inner)}`)}}`;
  return JSON.stringify(value);
}

const DEFAULTS: Record<string, string> = {
  Int: '1',
  Boolean: 'true',
  DateTime: '"2026-01-01T00:00:00Z"',
  EmailAddress: '"a@example.com"',
};
const defaultOf = (type: GraphQLInputType) =>
  isEnumType(type)
    ? (type.getValues()[0]?.name ?? '')
    : (DEFAULTS[String(type)] ?? '"01900000-0000-7000-8000-000000000000"');

/** All that the type has without arguments, two levels deep. */
function selectionOf(output: GraphQLOutputType, depth = 0): string {
  const type = getNamedType(output);
  if (isInterfaceType(type)) return '{ __typename id }';
  if (!isObjectType(type)) return '';
  const fields = Object.values(type.getFields()).filter(({ args }) => !args.some(isRequiredArgument));
  const names = fields.flatMap((field) => {
    if (isLeafType(getNamedType(field.type))) return [field.name];
    return depth < 2 ? [`${field.name} ${selectionOf(field.type, depth + 1)}`] : [];
  });
  return `{ ${['__typename', ...names].join(' ')} }`;
}
