import {
  Arg,
  Args,
  Ctx,
  Directive,
  Field,
  FieldResolver,
  ID,
  Int,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import { type Context, signedIn, signOut, viewerOf } from '../context.js';
import { Role, RoleName } from './role.entity.js';
import { allRoles } from './role.loader.js';
import { UserConnection } from './user.connection.js';
import { User } from './user.entity.js';
import { UpdateProfileInput, UsersArgs } from './user.inputs.js';

@ObjectType({ simpleResolvers: true, description: 'What `deleteUser` did.' })
@Directive('@auth(requires: PUBLIC)')
class DeleteUserPayload {
  @Field(() => ID)
  id!: string;

  @Field(() => Date, { description: 'When the account was closed.' })
  deletedAt!: Date;
}

@Resolver(() => User)
export class UserResolver {
  @Directive('@auth(requires: PUBLIC)')
  @Query(() => User, { nullable: true, description: 'The signed-in user; null when nobody is signed in.' })
  me(@Ctx() { viewer, users }: Context) {
    return viewer.id === null ? null : users.find(viewer.id);
  }

  @Directive('@auth(requires: SELF_OR_ADMIN)')
  @Directive('@errors(codes: [BAD_USER_INPUT])')
  @Query(() => User, {
    nullable: true,
    description:
      'One user, also of a closed account. Null if there is none with this id, which only an admin can find out.',
  })
  user(@Arg('id', () => ID) id: string, @Ctx() { users }: Context) {
    return users.find(id);
  }

  @Directive('@auth(requires: ADMIN)')
  @Directive('@errors(codes: [BAD_USER_INPUT])')
  @Query(() => UserConnection, {
    description:
      'All users, closed accounts too, newest first unless `orderBy` says otherwise. 20 a page; at most 100. Give `first` with `after`, or `last` with `before`.',
  })
  users(@Args(() => UsersArgs) args: UsersArgs, @Ctx() { users }: Context) {
    return users.page(args);
  }

  @Directive('@auth(requires: ADMIN)')
  @Query(() => [Role], { description: 'All roles, by name.' })
  roles(@Ctx() { em }: Context) {
    return allRoles(em);
  }

  @Directive('@auth(requires: SELF_OR_ADMIN)')
  @Directive('@errors(codes: [BAD_USER_INPUT, NOT_FOUND, LAST_ADMIN])')
  @Mutation(() => DeleteUserPayload, {
    description:
      'Closes an account and announces it as `user.deleted`. Doing it twice changes nothing and announces nothing.',
  })
  async deleteUser(@Arg('id', () => ID) id: string, @Ctx() context: Context) {
    const viewer = signedIn(context);
    const user = await context.users.delete(id, viewer.id);
    if (user.id === viewer.id) signOut(context);
    return { id: user.id, deletedAt: user.deletedAt };
  }

  @Directive('@auth(requires: SIGNED_IN)')
  @Directive('@errors(codes: [BAD_USER_INPUT])')
  @Mutation(() => User, { description: "Changes what is given of the viewer's own account." })
  updateProfile(@Arg('input', () => UpdateProfileInput) input: UpdateProfileInput, @Ctx() context: Context) {
    return context.users.updateProfile(signedIn(context).id, input);
  }

  @Directive('@auth(requires: ADMIN)')
  @Directive('@errors(codes: [BAD_USER_INPUT, NOT_FOUND, LAST_ADMIN])')
  @Mutation(() => User, {
    description:
      'Makes an admin or a member of somebody, from their next request on. The same role again changes nothing.',
  })
  async setUserRole(
    @Arg('id', () => ID) id: string,
    @Arg('role', () => RoleName) role: RoleName,
    @Ctx() context: Context,
  ) {
    const viewer = signedIn(context);
    const user = await context.users.setRole(id, role, viewer.id);
    if (viewer.id === user.id) context.viewer = viewerOf(user, viewer.sessionId);
    return user;
  }

  @Directive('@auth(requires: ADMIN)')
  @Directive('@errors(codes: [BAD_USER_INPUT, NOT_FOUND, LAST_ADMIN])')
  @Mutation(() => User, {
    description:
      'Switches an account off and ends its sessions; nobody can sign in to it until it is switched on. Doing it twice changes nothing.',
  })
  async deactivateUser(
    @Arg('id', () => ID) id: string,
    @Arg('reason', () => String, { nullable: true, description: 'For the audit trail; 1 to 500 characters.' })
    reason: string | null,
    @Ctx() context: Context,
  ) {
    const viewer = signedIn(context);
    const user = await context.users.deactivate(id, reason ?? null, viewer.id);
    if (viewer.id === user.id) {
      signOut(context);
      // Or whoever has switched themself off could not read that it was done.
      context.disclosed.add(user);
    }
    return user;
  }

  @Directive('@auth(requires: ADMIN)')
  @Directive('@errors(codes: [BAD_USER_INPUT, NOT_FOUND])')
  @Mutation(() => User, { description: 'Switches an account on again. Doing it twice changes nothing.' })
  activateUser(@Arg('id', () => ID) id: string, @Ctx() context: Context) {
    return context.users.activate(id, signedIn(context).id);
  }

  @FieldResolver(() => Role, { description: 'What the user may do.' })
  role(@Root() user: User, @Ctx() { roles }: Context) {
    return roles.load(user.roleId);
  }
}

@Resolver(() => UserConnection)
export class UserConnectionResolver {
  @FieldResolver(() => Int, { description: 'How many users the filter matches. Counted only when asked for.' })
  totalCount(@Root() { filter }: UserConnection, @Ctx() { users }: Context) {
    return users.count(filter);
  }
}
