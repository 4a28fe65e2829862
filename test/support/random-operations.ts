import {
  type ASTNode,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isValueNode,
  Kind,
  parse,
  print,
  TypeInfo,
  valueFromASTUntyped,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { createSchema } from '../../src/schema.js';
import { freshEmail } from './people.js';

export const SCHEMA = createSchema();
/** They end the viewer's session or account, and the rest of the run would be asked by nobody. */
const ENDS_THE_RUN = [
  'logout',
  'logoutEverywhere',
  'revokeSession',
  'deleteUser',
  'changePassword',
  'deactivateUser',
  'setUserRole',
];

/** A number below `count`. */
export type Pick = (count: number) => number;

const DIRECTIVES = ['', '', '', '', '@include(if: true)', '@skip(if: false)', '@skip(if: true)'];

/** One document, by the numbers that `pick` gives. */
export function documentBy(pick: Pick, ids: string[], kind: 'query' | 'mutation', directives = DIRECTIVES): string {
  const root = SCHEMA.getRootType(kind as never) as GraphQLObjectType;
  const fragments: string[] = [];
  const oneOf = <T>(list: readonly T[]): T => list[pick(list.length)] as T;

  const text = () => JSON.stringify(oneOf([...ids, 'a@example.com', freshEmail(), '', '%', 'x'.repeat(200), '\u202e']));
  const value = (type: GraphQLInputType, depth: number): string => {
    const nullable = getNullableType(type);
    if (!isNonNullType(type) && pick(8) === 0) return 'null';
    if (isListType(nullable))
      return `[${Array.from({ length: pick(3) }, () => value(nullable.ofType as GraphQLInputType, depth + 1)).join(' ')}]`;
    if (isEnumType(nullable)) return oneOf(nullable.getValues()).name;
    if (isInputObjectType(nullable)) {
      const fields = Object.values(nullable.getFields()).filter(
        (field) => isNonNullType(field.type) || (depth < 3 && pick(3) === 0),
      );
      return `{${fields.map((field) => `${field.name}: ${value(field.type, depth + 1)}`).join(' ')}}`;
    }
    if (nullable.name === 'Int') return String(oneOf([1, 5, 100, 0, -1]));
    if (nullable.name === 'Boolean') return oneOf(['true', 'false']);
    return nullable.name === 'DateTime' ? '"2026-01-01T00:00:00Z"' : text();
  };
  const part = (field: GraphQLField<unknown, unknown>, depth: number): string => {
    const args = field.args.filter((argument) => isRequiredArgument(argument) || pick(2) === 0);
    const given = args.length > 0 ? `(${args.map(({ name, type }) => `${name}: ${value(type, 0)}`).join(' ')})` : '';
    const alias = pick(5) === 0 ? `a${pick(1_000)}: ` : '';
    const directive = oneOf(directives);
    const type = getNamedType(field.type);
    const inner = isObjectType(type) ? ` ${selection(type, depth + 1)}` : isLeafType(type) ? '' : ' { id }';
    return `${alias}${field.name}${given} ${directive}${inner}`;
  };
  const selection = (type: GraphQLObjectType, depth: number): string => {
    const fields = Object.values(type.getFields()).filter(
      ({ name, type: fieldType }) =>
        !(kind === 'mutation' && depth === 0 && ENDS_THE_RUN.includes(name)) &&
        (depth < 5 || isLeafType(getNamedType(fieldType))),
    );
    const count = 1 + pick(depth === 0 ? 3 : 5);
    const parts = Array.from({ length: count }, () => part(oneOf(fields), depth));
    if (pick(4) === 0) parts.push('__typename');
    const body = `{ ${parts.join(' ')} }`;
    if (pick(6) > 0) return body;
    if (pick(2) === 0) return `{ ... on ${type.name} ${body} }`;
    const name = `F${fragments.length}`;
    fragments.push(`fragment ${name} on ${type.name} ${body}`);
    return `{ ...${name} }`;
  };
  const operation = `${kind} ${selection(root, 0)}`;
  return [operation, ...fragments].join(' ');
}

const WRONG = [null, 7, 'x', {}, [], [null]];

/** The same query with some of its values, also those within others, as variables, which may be wrong or not given. */
export function withVariables(query: string, pick: Pick): { query: string; variables: Record<string, unknown> } {
  const definitions: string[] = [];
  const variables: Record<string, unknown> = {};
  const types = new TypeInfo(SCHEMA);
  const enter = (node: ASTNode): ASTNode | undefined => {
    const type = types.getInputType();
    if (!isValueNode(node) || !type || pick(3) > 0) return undefined;
    const name = `v${definitions.length}`;
    const hasDefault = node.kind !== Kind.NULL && pick(2) === 0;
    definitions.push(hasDefault ? `$${name}: ${getNullableType(type)} = ${print(node)}` : `$${name}: ${type}`);
    const fate = pick(4);
    if (fate < 2) variables[name] = valueFromASTUntyped(node);
    if (fate === 2) variables[name] = WRONG[pick(WRONG.length)];
    return { kind: Kind.VARIABLE, name: { kind: Kind.NAME, value: name } };
  };
  const [first = '', ...others] = print(visit(parse(query), visitWithTypeInfo(types, { enter }))).split(/(?={)/);
  const operation = definitions.length > 0 ? first.replace(/^(query )?/, `query (${definitions.join(', ')}) `) : first;
  return { query: [operation, ...others].join(''), variables };
}

/** `expiresIn` counts the seconds. */
export const timeless = (text: string) => text.replace(/:\d{5,8}(?=[,}])/g, ':n');
