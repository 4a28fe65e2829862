import { Directive, Field, ObjectType } from 'type-graphql';
import { PageInfo } from '../paging/page-info.js';
import { User } from './user.entity.js';
import type { UserFilter } from './user.inputs.js';

/** More users are not counted one by one. */
export const MAX_COUNTED = 10_000;

/** How many users a filter matches, or what the database expects where they are too many to be counted. */
export interface Total {
  count: number;
  isEstimate: boolean;
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

  /** Counted once, whichever fields ask for it. */
  total?: Promise<Total>;
}
