import { Arg, Ctx, Directive, Mutation, Resolver } from 'type-graphql';
import { type Context, signedIn } from '../context.js';
import { ChangePasswordInput, LoginInput, RefreshInput, RegisterInput } from './auth.inputs.js';
import { AuthPayload, signIn } from './auth.payload.js';

@Resolver()
export class AuthResolver {
  @Directive('@auth(requires: PUBLIC)')
  @Directive('@errors(codes: [BAD_USER_INPUT, EMAIL_TAKEN, WEAK_PASSWORD, SERVICE_OVERLOADED])')
  @Mutation(() => AuthPayload, { description: 'Creates a member account and signs it in.' })
  async register(@Arg('input', () => RegisterInput) input: RegisterInput, @Ctx() context: Context) {
    return signIn(await context.auth.register(input, context.client), context);
  }

  @Directive('@auth(requires: PUBLIC)')
  @Directive('@errors(codes: [BAD_USER_INPUT, INVALID_CREDENTIALS, ACCOUNT_DISABLED, SERVICE_OVERLOADED])')
  @Mutation(() => AuthPayload, {
    description: 'Wrong password, unknown e-mail and deleted account look and cost the same.',
  })
  async login(@Arg('input', () => LoginInput) input: LoginInput, @Ctx() context: Context) {
    return signIn(await context.auth.login(input, context.client), context);
  }

  @Directive('@auth(requires: PUBLIC)')
  @Mutation(() => AuthPayload, {
    description:
      'Trades a refresh token for the next pair. For 10 seconds it may be traded again, for the same one; after that it ends the session, for two have it. What it does not take fails with UNAUTHENTICATED.',
  })
  async refresh(@Arg('input', () => RefreshInput) { refreshToken }: RefreshInput, @Ctx() context: Context) {
    const { auth, refreshCookie } = context;
    const traded = refreshCookie
      ? await refreshCookie.trade((token) => auth.refresh(token))
      : await auth.refresh(refreshToken);
    return signIn(traded, context);
  }

  @Directive('@auth(requires: SIGNED_IN)')
  @Directive('@errors(codes: [BAD_USER_INPUT, INVALID_CREDENTIALS, WEAK_PASSWORD, SERVICE_OVERLOADED])')
  @Mutation(() => AuthPayload, { description: 'Keeps this session, with new tokens, and ends all others.' })
  async changePassword(@Arg('input', () => ChangePasswordInput) input: ChangePasswordInput, @Ctx() context: Context) {
    const { id, sessionId } = signedIn(context);
    return signIn(await context.auth.changePassword(id, sessionId, input, context.client), context);
  }
}
