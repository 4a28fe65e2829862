import { Directive, Field, ID, ObjectType } from 'type-graphql';

@ObjectType({ simpleResolvers: true, description: 'That a participant has erased what it held about a user.' })
@Directive('@auth(requires: PUBLIC)')
export class ErasureAcknowledged {
  @Field(() => ID)
  userId!: string;

  @Field(() => String, { description: 'The name of the participant, as in `DELETION_PARTICIPANTS`.' })
  participant!: string;

  @Field(() => Date, { description: 'When it was acknowledged first.' })
  acknowledgedAt!: Date;
}
