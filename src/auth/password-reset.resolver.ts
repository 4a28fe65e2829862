import { Arg, Ctx, Directive, Mutation, Resolver } from 'type-graphql';
import type { AccessTokens } from '../keys/access-token.js';
import { RequestAccepted } from '../mail/request-accepted.payload.js';
import { actorOf, type Context } from '../request/context.js';
import { EmailAddress } from '../user/email-address.js';
import { ResetPasswordInput } from './auth.inputs.js';
import { AuthPayload, signIn } from './auth.payload.js';
import type { PasswordResetService } from './password-reset.service.js';

@Resolver()
export class PasswordResetResolver {
  constructor(
    private readonly passwordResets: PasswordResetService,
    private readonly tokens: AccessTokens,
  ) {}

  @Directive('@auth(requires: PUBLIC)')
  @Directive('@once')
  @Mutation(() => RequestAccepted, {
    description:
      'Sends a link for a new password to the address, if an account has it. Whether one has is not told, not even by the time it takes.',
  })
  async requestPasswordReset(@Arg('email', () => EmailAddress) email: string, @Ctx() context: Context) {
    await this.passwordResets.request(actorOf(context), email);
    return new RequestAccepted();
  }

  @Directive('@auth(requires: PUBLIC)')
  @Directive('@errors(codes: [BAD_USER_INPUT, INVALID_TOKEN, WEAK_PASSWORD, SERVICE_OVERLOADED])')
  @Directive('@once')
  @Mutation(() => AuthPayload, {
    description:
      'Sets a new password by the token of a link, ends all sessions and opens one. The token is for one use, for an hour; the same within a minute signs in again.',
  })
  async resetPassword(@Arg('input', () => ResetPasswordInput) input: ResetPasswordInput, @Ctx() context: Context) {
    return signIn(await this.passwordResets.reset(actorOf(context), input), this.tokens, context);
  }
}
