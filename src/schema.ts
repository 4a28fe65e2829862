import 'reflect-metadata';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { type GraphQLSchema, lexicographicSortSchema, specifiedDirectives } from 'graphql';
import { buildSchemaSync, type ClassType } from 'type-graphql';
import { AccountResolver } from './account/account.resolver.js';
import { AuditResolver, UserAuditResolver } from './audit/audit.resolver.js';
import { AuthResolver } from './auth/auth.resolver.js';
import { PasswordResetResolver } from './auth/password-reset.resolver.js';
import { DeletionResolver } from './deletion/deletion.resolver.js';
import { EmailResolver } from './email/email.resolver.js';
import {
  authDirective,
  costDirective,
  errorsDirective,
  listSizeDirective,
  onceDirective,
} from './graphql/directives.js';
import { enforceRules } from './graphql/enforce.js';
import type { Services } from './services.js';
import { SessionResolver, UserSessionsResolver } from './session/session.resolver.js';
import { DateTime } from './text/date-time.js';
import { UserConnectionResolver, UserResolver } from './user/user.resolver.js';

/** Each resolver, made once with the services that it uses. */
const RESOLVERS: Map<ClassType, (services: Services) => object> = new Map<ClassType, (services: Services) => object>([
  [UserResolver, ({ users, roles }) => new UserResolver(users, roles)],
  [UserConnectionResolver, ({ users }) => new UserConnectionResolver(users)],
  [AccountResolver, ({ accounts }) => new AccountResolver(accounts)],
  [DeletionResolver, ({ deletions }) => new DeletionResolver(deletions)],
  [EmailResolver, ({ emails }) => new EmailResolver(emails)],
  [AuthResolver, ({ auth, tokens }) => new AuthResolver(auth, tokens)],
  [PasswordResetResolver, ({ passwordResets, tokens }) => new PasswordResetResolver(passwordResets, tokens)],
  [SessionResolver, ({ sessions, signOuts }) => new SessionResolver(sessions, signOuts)],
  [UserSessionsResolver, ({ sessions }) => new UserSessionsResolver(sessions)],
  [AuditResolver, ({ auditEvents }) => new AuditResolver(auditEvents)],
  [UserAuditResolver, ({ auditEvents }) => new UserAuditResolver(auditEvents)],
]);

/** The schema before its rules are enforced. Without services it can be read and not executed. */
export function buildUnguarded(services?: Services): GraphQLSchema {
  const instances = new Map([...RESOLVERS].map(([resolver, make]) => [resolver, services && make(services)] as const));
  return buildSchemaSync({
    resolvers: [...RESOLVERS.keys()] as unknown as [ClassType, ...ClassType[]],
    container: { get: (resolver) => instances.get(resolver) },
    // Named here, GraphQL's own would be gone without their being named too.
    directives: [
      ...specifiedDirectives,
      authDirective,
      errorsDirective,
      onceDirective,
      costDirective,
      listSizeDirective,
    ],
    scalarsMap: [{ type: Date, scalar: DateTime }],
    // Its messages would hold the rejected values; scalars and services check instead.
    validate: false,
  });
}

/** Resolvers and rules as an executable schema. @throws {RuleError} if a field has no rule that can be held. */
export const createSchema = (services?: Services): GraphQLSchema => enforceRules(buildUnguarded(services));

/** The schema as `schema.graphql` has it: with its directives, sorted. */
export const printSchema = (schema: GraphQLSchema): string =>
  `${printSchemaWithDirectives(lexicographicSortSchema(schema))}\n`;
