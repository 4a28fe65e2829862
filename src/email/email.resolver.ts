import { Arg, Ctx, Directive, Mutation, Resolver } from 'type-graphql';
import { RequestAccepted } from '../mail/request-accepted.payload.js';
import { actorOf, type Context, requireViewer } from '../request/context.js';
import { User } from '../user/user.entity.js';
import { ChangeEmailInput } from '../user/user.inputs.js';
import type { EmailService } from './email.service.js';

@Resolver()
export class EmailResolver {
  constructor(private readonly emails: EmailService) {}

  @Directive('@auth(requires: SIGNED_IN)')
  @Directive('@once')
  @Mutation(() => RequestAccepted, {
    description:
      "Sends a link to the viewer's address that shows that it is theirs. Where that is known, nothing is sent.",
  })
  async requestEmailVerification(@Ctx() context: Context) {
    await this.emails.requestVerification(requireViewer(context));
    return new RequestAccepted();
  }

  @Directive('@auth(requires: PUBLIC)')
  @Directive('@errors(codes: [INVALID_TOKEN])')
  @Directive('@once')
  @Mutation(() => User, {
    description:
      "Verifies an address by the token of a link, which is good for an hour. If the address is verified already, any link that was sent to it says so again, and nothing changes. This is no sign-in: of the answer, only the user's own values can be read.",
  })
  async verifyEmail(@Arg('token', () => String) token: string, @Ctx() context: Context) {
    return disclose(await this.emails.verify(actorOf(context), token), context);
  }

  @Directive('@auth(requires: SIGNED_IN)')
  @Directive('@errors(codes: [BAD_USER_INPUT, INVALID_CREDENTIALS, SERVICE_OVERLOADED])')
  @Directive('@once')
  @Mutation(() => RequestAccepted, {
    description:
      'Sends a link to the new address, which is changed when the link is used. Whether an account has the new address is not told.',
  })
  async requestEmailChange(@Arg('input', () => ChangeEmailInput) input: ChangeEmailInput, @Ctx() context: Context) {
    await this.emails.requestChange(requireViewer(context), input);
    return new RequestAccepted();
  }

  @Directive('@auth(requires: PUBLIC)')
  @Directive('@errors(codes: [INVALID_TOKEN, EMAIL_TAKEN])')
  @Directive('@once')
  @Mutation(() => User, {
    description:
      'Changes the address by the token of the link that was sent to it, and tells the old address. If the user has that address already, nothing changes. This is no sign-in, as with `verifyEmail`.',
  })
  async confirmEmailChange(@Arg('token', () => String) token: string, @Ctx() context: Context) {
    return disclose(await this.emails.confirmChange(actorOf(context), token), context);
  }
}

/** The token is no sign-in: the viewer stays who they were, and may read what this one object holds. */
function disclose(user: User, { disclosed }: Context): User {
  disclosed.add(user);
  return user;
}
