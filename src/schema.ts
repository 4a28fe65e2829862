import 'reflect-metadata';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { type GraphQLSchema, lexicographicSortSchema } from 'graphql';
import { GraphQLDateTime } from 'graphql-scalars';
import { buildSchemaSync } from 'type-graphql';
import { authDirective, errorsDirective } from './access/directives.js';
import { enforceRules } from './access/enforce.js';
import { AuthResolver } from './auth/auth.resolver.js';
import { UserConnectionResolver, UserResolver } from './user/user.resolver.js';

/** Resolvers and rules as an executable schema. @throws {RuleError} if a field has no rule that can be held. */
export const createSchema = (): GraphQLSchema =>
  enforceRules(
    buildSchemaSync({
      resolvers: [UserResolver, UserConnectionResolver, AuthResolver],
      directives: [authDirective, errorsDirective],
      scalarsMap: [{ type: Date, scalar: GraphQLDateTime }],
      // Its messages would hold the rejected values; scalars and services check instead.
      validate: false,
    }),
  );

/** The schema as `schema.graphql` has it: with its directives, sorted. */
export const printSchema = (schema: GraphQLSchema): string =>
  `${printSchemaWithDirectives(lexicographicSortSchema(schema))}\n`;
