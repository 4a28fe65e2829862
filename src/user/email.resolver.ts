import { Arg, Ctx, Directive, Mutation, Resolver } from 'type-graphql';
import { type Context, signedIn } from '../context.js';
import { RequestAccepted } from '../mail/request-accepted.payload.js';
import { User } from './user.entity.js';
import { ChangeEmailInput } from './user.inputs.js';

@Resolver()
export class EmailResolver {
  @Directive('@auth(requires: SIGNED_IN)')
  @Mutation(() => RequestAccepted, {
    description:
      "Sends a link to the viewer's address that shows that it is theirs. Where that is known, nothing is sent.",
  })
  async requestEmailVerification(@Ctx() context: Context) {
    await context.emails.requestVerification(signedIn(context).id, context.client.language);
    return new RequestAccepted();
  }

  @Directive('@auth(requires: PUBLIC)')
  @Directive('@errors(codes: [INVALID_TOKEN])')
  @Mutation(() => User, {
    description:
      "Takes an address as its user's by the token of a link, which is for one use, for an hour. Signs nobody in: of the answer, only what the user holds itself is readable.",
  })
  async verifyEmail(@Arg('token', () => String) token: string, @Ctx() context: Context) {
    return disclose(await context.emails.verify(token), context);
  }

  @Directive('@auth(requires: SIGNED_IN)')
  @Directive('@errors(codes: [BAD_USER_INPUT, INVALID_CREDENTIALS, SERVICE_OVERLOADED])')
  @Mutation(() => RequestAccepted, {
    description:
      'Sends a link to the new address, which is changed when the link is used. Whether an account has the new address is not told.',
  })
  async requestEmailChange(@Arg('input', () => ChangeEmailInput) input: ChangeEmailInput, @Ctx() context: Context) {
    await context.emails.requestChange(signedIn(context).id, input, context.client.language);
    return new RequestAccepted();
  }

  @Directive('@auth(requires: PUBLIC)')
  @Directive('@errors(codes: [INVALID_TOKEN, EMAIL_TAKEN])')
  @Mutation(() => User, {
    description:
      'Changes the address by the token of the link that was sent to it, and tells the old address. Signs nobody in, as `verifyEmail`.',
  })
  async confirmEmailChange(@Arg('token', () => String) token: string, @Ctx() context: Context) {
    return disclose(await context.emails.confirmChange(token, context.client.language), context);
  }
}

/** The token is no sign-in: the viewer stays who they were, and may read what this one object holds. */
function disclose(user: User, { disclosed }: Context): User {
  disclosed.add(user);
  return user;
}
