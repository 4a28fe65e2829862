import { Arg, Ctx, Directive, Mutation, Resolver } from 'type-graphql';
import type { AccessTokens } from '../keys/access-token.js';
import { actorOf, type Context, requireViewer } from '../request/context.js';
import { ChangePasswordInput, LoginInput, RefreshInput, RegisterInput } from './auth.inputs.js';
import { AuthPayload, signIn } from './auth.payload.js';
import type { AuthService } from './auth.service.js';

@Resolver()
export class AuthResolver {
  constructor(
    private readonly auth: AuthService,
    private readonly tokens: AccessTokens,
  ) {}

  @Directive('@auth(requires: PUBLIC)')
  @Directive('@errors(codes: [BAD_USER_INPUT, EMAIL_TAKEN, WEAK_PASSWORD, SERVICE_OVERLOADED])')
  @Directive('@once')
  @Mutation(() => AuthPayload, {
    description: 'Creates a member account and signs it in. The same within a minute signs in again.',
  })
  async register(@Arg('input', () => RegisterInput) input: RegisterInput, @Ctx() context: Context) {
    return signIn(await this.auth.register(actorOf(context), input), this.tokens, context);
  }

  @Directive('@auth(requires: PUBLIC)')
  @Directive('@errors(codes: [BAD_USER_INPUT, INVALID_CREDENTIALS, ACCOUNT_DISABLED, SERVICE_OVERLOADED])')
  @Directive('@once')
  @Mutation(() => AuthPayload, {
    description: 'Wrong password, unknown e-mail and deleted account look and cost the same.',
  })
  async login(@Arg('input', () => LoginInput) input: LoginInput, @Ctx() context: Context) {
    const { cookies } = context;
    const deviceToken = cookies ? cookies.device.values()[0] : input.deviceToken;
    return signIn(await this.auth.login(actorOf(context), { ...input, deviceToken }), this.tokens, context);
  }

  @Directive('@auth(requires: PUBLIC)')
  @Directive('@once')
  @Mutation(() => AuthPayload, {
    description:
      'Trades a refresh token for the next pair. For 10 seconds it may be traded again, for the same one; after that, for an hour unless set otherwise, for another one while the next is unused. Any other use of an old token ends the session, for two have it. What it does not take fails with UNAUTHENTICATED.',
  })
  async refresh(@Arg('input', () => RefreshInput) { refreshToken }: RefreshInput, @Ctx() context: Context) {
    const { cookies } = context;
    const trade = (token: string) => this.auth.refresh(actorOf(context), token);
    const traded = cookies ? await cookies.refresh.trade(trade) : await trade(refreshToken);
    return signIn(traded, this.tokens, context);
  }

  @Directive('@auth(requires: SIGNED_IN)')
  @Directive('@errors(codes: [BAD_USER_INPUT, INVALID_CREDENTIALS, WEAK_PASSWORD, SERVICE_OVERLOADED])')
  @Directive('@once')
  @Mutation(() => AuthPayload, {
    description:
      'Keeps this session, with new tokens, and ends all others. The same within a minute is answered alike.',
  })
  async changePassword(@Arg('input', () => ChangePasswordInput) input: ChangePasswordInput, @Ctx() context: Context) {
    return signIn(await this.auth.changePassword(requireViewer(context), input), this.tokens, context);
  }
}
