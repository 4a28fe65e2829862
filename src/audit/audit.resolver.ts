import { Args, Ctx, Directive, FieldResolver, Query, Resolver, Root } from 'type-graphql';
import type { Context } from '../context.js';
import { User } from '../user/user.entity.js';
import { AuditConnection } from './audit.connection.js';
import { AuditEventsArgs, AuditTrailArgs } from './audit.inputs.js';

@Resolver()
export class AuditResolver {
  @Directive('@auth(requires: ADMIN)')
  @Directive('@errors(codes: [BAD_USER_INPUT])')
  @Query(() => AuditConnection, {
    description: 'What happened, to whom and by whom; newest first. 20 a page; at most 100.',
  })
  auditEvents(@Args(() => AuditEventsArgs) args: AuditEventsArgs, @Ctx() { auditEvents }: Context) {
    return auditEvents.page(args);
  }
}

@Resolver(() => User)
export class UserAuditResolver {
  @Directive('@auth(requires: ADMIN)')
  @Directive('@errors(codes: [BAD_USER_INPUT])')
  @FieldResolver(() => AuditConnection, { description: 'What happened to this account, newest first.' })
  auditTrail(@Root() user: User, @Args(() => AuditTrailArgs) args: AuditTrailArgs, @Ctx() { auditEvents }: Context) {
    return auditEvents.page({ ...args, filter: { subjectId: user.id } });
  }
}
