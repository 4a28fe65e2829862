import { GraphQLJSONObject } from 'graphql-scalars';
import { Directive, Field, ObjectType } from 'type-graphql';

@ObjectType({ simpleResolvers: true, description: 'Everything that is held about a user.' })
@Directive('@auth(requires: SELF_OR_ADMIN)')
export class DataExport {
  /** Whose it is, for the rule. */
  userId!: string;

  @Field(() => Date)
  generatedAt!: Date;

  @Field(() => GraphQLJSONObject, {
    description: 'Rows by table, such as `users` and `sessions`. Passwords, digests and tokens are left out.',
  })
  data!: Record<string, object[]>;
}
