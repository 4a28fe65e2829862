import 'reflect-metadata';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { type GraphQLSchema, lexicographicSortSchema, specifiedDirectives } from 'graphql';
import { GraphQLDateTime } from 'graphql-scalars';
import { buildSchemaSync } from 'type-graphql';
import { authDirective, errorsDirective } from './access/directives.js';
import { enforceRules } from './access/enforce.js';
import { AuditResolver, UserAuditResolver } from './audit/audit.resolver.js';
import { AuthResolver } from './auth/auth.resolver.js';
import { PasswordResetResolver } from './auth/password-reset.resolver.js';
import { SessionResolver, UserSessionsResolver } from './session/session.resolver.js';
import { EmailResolver } from './user/email.resolver.js';
import { UserConnectionResolver, UserResolver } from './user/user.resolver.js';

/** The schema before its rules are enforced. */
export const buildUnguarded = (): GraphQLSchema =>
  buildSchemaSync({
    resolvers: [
      UserResolver,
      UserConnectionResolver,
      EmailResolver,
      AuthResolver,
      PasswordResetResolver,
      SessionResolver,
      UserSessionsResolver,
      AuditResolver,
      UserAuditResolver,
    ],
    // Named here, GraphQL's own would be gone without their being named too.
    directives: [...specifiedDirectives, authDirective, errorsDirective],
    scalarsMap: [{ type: Date, scalar: GraphQLDateTime }],
    // Its messages would hold the rejected values; scalars and services check instead.
    validate: false,
  });

/** Resolvers and rules as an executable schema. @throws {RuleError} if a field has no rule that can be held. */
export const createSchema = (): GraphQLSchema => enforceRules(buildUnguarded());

/** The schema as `schema.graphql` has it: with its directives, sorted. */
export const printSchema = (schema: GraphQLSchema): string =>
  `${printSchemaWithDirectives(lexicographicSortSchema(schema))}\n`;
