import { Arg, Args, Ctx, Directive, FieldResolver, ID, Int, Query, Resolver, Root } from 'type-graphql';
import { listSize } from '../paging/connection.js';
import type { Context } from '../request/context.js';
import { Node } from './node.js';
import { Role } from './role.entity.js';
import type { RoleService } from './role.service.js';
import { MAX_COUNTED, type Total, UserConnection } from './user.connection.js';
import { User } from './user.entity.js';
import { UsersArgs } from './user.inputs.js';
import type { UserService } from './user.service.js';

@Resolver(() => User)
export class UserResolver {
  constructor(
    private readonly userService: UserService,
    private readonly roleService: RoleService,
  ) {}

  @Directive('@auth(requires: PUBLIC)')
  @Query(() => User, { nullable: true, description: 'The signed-in user, or null.' })
  me(@Ctx() context: Context) {
    return context.viewer.id === null ? null : this.userService.find(context, context.viewer.id);
  }

  @Directive('@auth(requires: SELF_OR_ADMIN)')
  @Directive('@errors(codes: [BAD_USER_INPUT])')
  @Query(() => User, {
    nullable: true,
    description:
      'One user, also of a closed account. Null if there is none with this id, which only an admin can find out.',
  })
  user(@Arg('id', () => ID) id: string, @Ctx() context: Context) {
    return this.userService.find(context, id);
  }

  @Directive('@auth(requires: SELF_OR_ADMIN)')
  @Directive('@errors(codes: [BAD_USER_INPUT])')
  @Query(() => Node, {
    nullable: true,
    description: 'The same as `user`, for clients such as Relay that read any object by its id.',
  })
  node(@Arg('id', () => ID) id: string, @Ctx() context: Context) {
    return this.userService.find(context, id);
  }

  @Directive('@auth(requires: ADMIN)')
  @Directive('@errors(codes: [BAD_USER_INPUT])')
  @Directive(listSize('first', 'last'))
  @Query(() => UserConnection, {
    description:
      'All users with open accounts, newest first, unless `filter` and `orderBy` say otherwise. 20 a page; at most 100. Give `first` with `after`, or `last` with `before`.',
  })
  users(@Args(() => UsersArgs) args: UsersArgs) {
    return this.userService.page(args);
  }

  @Directive('@auth(requires: ADMIN)')
  @Directive('@listSize(assumedSize: 2)')
  @Query(() => [Role], { description: 'All roles, by name: as many as `RoleName` has.' })
  roles() {
    return this.roleService.all();
  }

  @FieldResolver(() => Role, { description: 'What the user may do.' })
  role(@Root() user: User, @Ctx() context: Context) {
    return this.roleService.find(context, user.roleId);
  }
}

@Resolver(() => UserConnection)
export class UserConnectionResolver {
  constructor(private readonly userService: UserService) {}

  @Directive('@cost(weight: "100")')
  @FieldResolver(() => Int, {
    description: `How many users the filter matches: exact up to ${MAX_COUNTED}, beyond it an estimate. Counted only when asked for.`,
  })
  async totalCount(@Root() connection: UserConnection) {
    return (await this.#totalOf(connection)).count;
  }

  @Directive('@cost(weight: "100")')
  @FieldResolver(() => Boolean, {
    description: `Whether \`totalCount\` is an estimate, since there are more than ${MAX_COUNTED}.`,
  })
  async totalCountIsEstimate(@Root() connection: UserConnection) {
    return (await this.#totalOf(connection)).isEstimate;
  }

  #totalOf(connection: UserConnection): Promise<Total> {
    connection.total ??= this.userService.total(connection.filter);
    return connection.total;
  }
}
