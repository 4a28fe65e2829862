import { Args, Directive, FieldResolver, Query, Resolver, Root } from 'type-graphql';
import { listSize } from '../paging/connection.js';
import { User } from '../user/user.entity.js';
import { AuditConnection } from './audit.connection.js';
import { AuditEventsArgs, AuditTrailArgs } from './audit.inputs.js';
import type { AuditService } from './audit.service.js';

@Resolver()
export class AuditResolver {
  constructor(private readonly audit: AuditService) {}

  @Directive('@auth(requires: ADMIN)')
  @Directive('@errors(codes: [BAD_USER_INPUT])')
  @Directive(listSize('first'))
  @Query(() => AuditConnection, {
    description: 'What happened, to whom and by whom; newest first. 20 a page; at most 100.',
  })
  auditEvents(@Args(() => AuditEventsArgs) args: AuditEventsArgs) {
    return this.audit.page(args);
  }
}

@Resolver(() => User)
export class UserAuditResolver {
  constructor(private readonly audit: AuditService) {}

  @Directive('@auth(requires: ADMIN)')
  @Directive('@errors(codes: [BAD_USER_INPUT])')
  @Directive(listSize('first'))
  @FieldResolver(() => AuditConnection, { description: 'What happened to this account, newest first.' })
  auditTrail(@Root() user: User, @Args(() => AuditTrailArgs) args: AuditTrailArgs) {
    return this.audit.page({ ...args, filter: { subjectId: user.id } });
  }
}
