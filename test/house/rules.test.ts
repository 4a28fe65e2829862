// A schema without a rule for every field does not start, and schema.graphql is what it says; schemas are built
// wrongly on purpose.

import { describe, expect, test } from '@jest/globals';
import { buildSchema, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { authDirective, errorsDirective } from '../../src/graphql/directives.js';
import { enforceRules } from '../../src/graphql/enforce.js';
import { RuleError } from '../../src/graphql/rules.js';
import { createSchema, printSchema } from '../../src/schema.js';
import { expectCurrent } from '../support/current-file.js';

const DIRECTIVES = `
  directive @auth(requires: Access!) on OBJECT | FIELD_DEFINITION
  directive @errors(codes: [ErrorCode!]!) on FIELD_DEFINITION
  enum Access { PUBLIC SIGNED_IN SELF_OR_ADMIN ADMIN }
  enum ErrorCode { NOT_FOUND }
`;

/** As a library builds it that does not look at what directives say. */
const unchecked = (sdl: string) => buildSchema(`${DIRECTIVES}${sdl}`, { assumeValid: true });

function offenders(schema: GraphQLSchema): string[] {
  try {
    enforceRules(schema);
    return [];
  } catch (error) {
    if (error instanceof RuleError) return error.offenders;
    throw error;
  }
}

describe('a schema starts only', () => {
  test('when every field has a rule, and names all that have none', () => {
    const schema = unchecked(
      'type Query { a: Int b: Thing @auth(requires: PUBLIC) } type Thing { c: Int d: Int @auth(requires: ADMIN) }',
    );

    expect(offenders(schema)).toEqual([
      'Query.a: no @auth, and none on its type',
      'Thing.c: no @auth, and none on its type',
    ]);
  });

  test.each([
    ['a misspelt directive', 'type Query { a: Int @atuh(requires: PUBLIC) }', '@atuh'],
    ['a misspelt argument', 'type Query { a: Int @auth(require: PUBLIC) }', 'require'],
    ['a misspelt rule', 'type Query { a: Int @auth(requires: ADMINS) }', 'ADMINS'],
    ['no rule in the directive', 'type Query { a: Int @auth }', 'requires'],
    ['two rules', 'type Query { a: Int @auth(requires: PUBLIC) @auth(requires: ADMIN) }', '@auth'],
    ['an unknown code', 'type Query { a: Int @auth(requires: PUBLIC) @errors(codes: [NOPE]) }', 'NOPE'],
    ['a rule on an argument', 'type Query { a(b: Int @auth(requires: ADMIN)): Int @auth(requires: PUBLIC) }', '@auth'],
    [
      'a rule on an interface',
      'interface Node @auth(requires: ADMIN) { id: ID } type Query { a: Int @auth(requires: PUBLIC) }',
      '@auth',
    ],
    [
      "a rule on an interface's field",
      'interface Node { id: ID @auth(requires: ADMIN) } type Query { a: Int @auth(requires: PUBLIC) }',
      'Node',
    ],
    [
      "a rule weaker than its type's",
      'type Query @auth(requires: ADMIN) { a: Int @auth(requires: PUBLIC) }',
      'Query.a',
    ],
    ['a subject that is not there', 'type Query { a: Int @auth(requires: SELF_OR_ADMIN) }', 'Query.a'],
    ['a subject that may be null', 'type Query { a(id: ID): Int @auth(requires: SELF_OR_ADMIN) }', 'Query.a'],
    [
      'a parent that is no user',
      'type Query { a: T @auth(requires: PUBLIC) } type T @auth(requires: SELF_OR_ADMIN) { b: Int }',
      'T.b',
    ],
  ])('without %s', (_, sdl, named) => {
    const found = offenders(unchecked(sdl));

    expect(found).not.toEqual([]);
    expect(found.join('\n')).toContain(named);
  });

  test('when a resolver is no way round its rule', () => {
    const Query = new GraphQLObjectType({
      name: 'Query',
      fields: { open: { type: GraphQLString, resolve: () => 'open' } },
    });

    expect(offenders(new GraphQLSchema({ query: Query, directives: [authDirective, errorsDirective] }))).toEqual([
      'Query.open: no @auth, and none on its type',
    ]);
  });
});

describe('the schema', () => {
  const schema = createSchema();

  test('is what schema.graphql says, directives included', () => {
    expectCurrent('schema.graphql', printSchema(schema));
  });

  test('says rule and codes in the description, for those who see no directives', () => {
    const { user } = schema.getQueryType()?.getFields() ?? {};

    expect(user?.description).toMatch(/Access: SELF_OR_ADMIN\. Errors: BAD_USER_INPUT\.$/);
  });
});
