import { ArgsType, Field, ID, InputType, Int } from 'type-graphql';

@InputType({ description: 'Conditions on what happened. All that are given must hold.' })
export class AuditFilter {
  @Field(() => ID, { nullable: true, description: 'Who did it.' })
  actorId?: string | null;

  @Field(() => ID, { nullable: true, description: 'Whom it was done to.' })
  subjectId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The whole name of the action, as `AuditEvent.action` has them.',
  })
  action?: string | null;

  @Field(() => Date, { nullable: true, description: 'Then or later.' })
  from?: Date | null;

  @Field(() => Date, { nullable: true, description: 'Before then.' })
  before?: Date | null;
}

@ArgsType()
export class AuditTrailArgs {
  @Field(() => Int, { nullable: true, description: 'How many, 1 to 100; 20 where it is not given.' })
  first?: number | null;

  @Field(() => String, { nullable: true, description: 'A cursor; the page starts behind it.' })
  after?: string | null;
}

@ArgsType()
export class AuditEventsArgs extends AuditTrailArgs {
  @Field(() => AuditFilter, { nullable: true })
  filter?: AuditFilter | null;
}
