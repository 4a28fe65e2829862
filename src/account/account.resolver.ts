import { Arg, Ctx, Directive, Field, ID, Mutation, ObjectType, Resolver } from 'type-graphql';
import { type Context, requireViewer, updateViewer } from '../request/context.js';
import { RoleName } from '../user/role.entity.js';
import { User } from '../user/user.entity.js';
import { UpdateProfileInput } from '../user/user.inputs.js';
import type { AccountService } from './account.service.js';

@ObjectType({ simpleResolvers: true, description: 'What `deleteUser` did.' })
@Directive('@auth(requires: PUBLIC)')
class DeleteUserPayload {
  @Field(() => ID)
  id!: string;

  @Field(() => Date, { description: 'When the account was closed.' })
  deletedAt!: Date;
}

@Resolver()
export class AccountResolver {
  constructor(private readonly accounts: AccountService) {}

  @Directive('@auth(requires: SELF_OR_ADMIN)')
  @Directive(
    '@errors(codes: [BAD_USER_INPUT, NOT_FOUND, LAST_ADMIN, REAUTHENTICATION_REQUIRED, INVALID_CREDENTIALS, SERVICE_OVERLOADED])',
  )
  @Mutation(() => DeleteUserPayload, {
    description:
      'Closes an account, announces it as `user.deleted` and sends a receipt to its address; where there is a grace period, `user.deletion_scheduled` comes first. Doing it twice changes nothing and announces nothing.',
  })
  async deleteUser(
    @Arg('id', () => ID) id: string,
    @Arg('password', () => String, {
      nullable: true,
      description: 'To delete the own account from a session that is older than 5 minutes: its current password.',
    })
    password: string | null,
    @Ctx() context: Context,
  ) {
    const user = await this.accounts.close(requireViewer(context), id, password ?? null);
    updateViewer(context, user);
    return { id: user.id, deletedAt: user.deletedAt };
  }

  @Directive('@auth(requires: ADMIN)')
  @Directive('@errors(codes: [BAD_USER_INPUT, NOT_FOUND, CONFLICT])')
  @Mutation(() => User, {
    description:
      'Takes a deletion back while its grace period runs, and announces it as `user.restored`. For an open account nothing changes.',
  })
  cancelUserDeletion(@Arg('id', () => ID) id: string, @Ctx() context: Context) {
    return this.accounts.restore(requireViewer(context), id);
  }

  @Directive('@auth(requires: SIGNED_IN)')
  @Directive('@errors(codes: [BAD_USER_INPUT])')
  @Mutation(() => User, { description: "Changes what is given of the viewer's own account." })
  updateProfile(@Arg('input', () => UpdateProfileInput) input: UpdateProfileInput, @Ctx() context: Context) {
    return this.accounts.updateProfile(requireViewer(context), input);
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
    const user = await this.accounts.setRole(requireViewer(context), id, role);
    updateViewer(context, user);
    return user;
  }

  @Directive('@auth(requires: ADMIN)')
  @Directive('@errors(codes: [BAD_USER_INPUT, NOT_FOUND, LAST_ADMIN])')
  @Mutation(() => User, {
    description:
      'Switches an account off and ends its sessions. Until it is switched on, its user cannot sign in. Doing it twice changes nothing.',
  })
  async deactivateUser(
    @Arg('id', () => ID) id: string,
    @Arg('reason', () => String, {
      nullable: true,
      description: 'For the audit trail; 1 to 500 characters, one of them visible; no controls of direction.',
    })
    reason: string | null,
    @Ctx() context: Context,
  ) {
    const viewer = requireViewer(context);
    const user = await this.accounts.deactivate(viewer, id, reason ?? null);
    updateViewer(context, user);
    // An admin who switches off their own account reads in the answer that it was done.
    if (user.id === viewer.userId) context.disclosed.add(user);
    return user;
  }

  @Directive('@auth(requires: ADMIN)')
  @Directive('@errors(codes: [BAD_USER_INPUT, NOT_FOUND])')
  @Mutation(() => User, { description: 'Switches an account on again. Doing it twice changes nothing.' })
  activateUser(@Arg('id', () => ID) id: string, @Ctx() context: Context) {
    return this.accounts.activate(requireViewer(context), id);
  }
}
