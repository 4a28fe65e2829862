import { Directive, Field, ObjectType } from 'type-graphql';
import { PageInfo } from '../paging/page-info.js';
import { AuditEvent } from './audit-event.entity.js';

@ObjectType({ simpleResolvers: true, description: 'Something that happened with its place in the list.' })
@Directive('@auth(requires: ADMIN)')
export class AuditEdge {
  @Field(() => String, { description: 'Opaque; fits every list of audit events.' })
  cursor!: string;

  @Field(() => AuditEvent)
  node!: AuditEvent;
}

@ObjectType({ simpleResolvers: true, description: 'A page of what happened.' })
@Directive('@auth(requires: ADMIN)')
export class AuditConnection {
  @Field(() => [AuditEdge])
  edges!: AuditEdge[];

  @Field(() => [AuditEvent])
  nodes!: AuditEvent[];

  @Field(() => PageInfo)
  pageInfo!: PageInfo;
}
