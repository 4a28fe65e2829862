import { Directive, Field, ObjectType } from 'type-graphql';

@ObjectType({ simpleResolvers: true, description: 'Says the same whether or not there was anything to do.' })
@Directive('@auth(requires: PUBLIC)')
export class RequestAccepted {
  @Field(() => Boolean)
  accepted: boolean = true;
}
