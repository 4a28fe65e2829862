import { Directive, Field, ObjectType } from 'type-graphql';
import { User } from './user.entity.js';
import type { UserFilter } from './user.inputs.js';

@ObjectType({ simpleResolvers: true, description: 'Where a page lies in its list (Relay cursor connections).' })
@Directive('@auth(requires: PUBLIC)')
export class PageInfo {
  @Field(() => Boolean)
  hasNextPage!: boolean;

  @Field(() => Boolean)
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true })
  startCursor!: string | null;

  @Field(() => String, { nullable: true })
  endCursor!: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'A user with its place in the list.' })
@Directive('@auth(requires: ADMIN)')
export class UserEdge {
  @Field(() => String, { description: 'Opaque; fits the same list in the same order.' })
  cursor!: string;

  @Field(() => User)
  node!: User;
}

@ObjectType({ simpleResolvers: true, description: 'A page of users.' })
@Directive('@auth(requires: ADMIN)')
export class UserConnection {
  @Field(() => [UserEdge])
  edges!: UserEdge[];

  @Field(() => [User])
  nodes!: User[];

  @Field(() => PageInfo)
  pageInfo!: PageInfo;

  filter!: UserFilter | null;
}
