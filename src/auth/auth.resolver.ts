import { Arg, Ctx, Directive, Field, Mutation, ObjectType, Resolver } from 'type-graphql';
import { type Context, viewerOf } from '../context.js';
import { User } from '../user/user.entity.js';
import { LoginInput, RegisterInput } from './auth.inputs.js';

@ObjectType({ simpleResolvers: true, description: 'A signed-in user with their token.' })
@Directive('@auth(requires: PUBLIC)')
class AuthPayload {
  @Field(() => String, { description: 'A JWT for the header `Authorization: Bearer …`.' })
  accessToken!: string;

  @Field(() => Date, { description: 'From then on the token is refused.' })
  accessTokenExpiresAt!: Date;

  @Field(() => User, { description: 'The viewer for the rest of the operation.' })
  user!: User;
}

@Resolver()
export class AuthResolver {
  @Directive('@auth(requires: PUBLIC)')
  @Directive('@errors(codes: [BAD_USER_INPUT, EMAIL_TAKEN, WEAK_PASSWORD, SERVICE_OVERLOADED])')
  @Mutation(() => AuthPayload, { description: 'Creates a member account and signs it in.' })
  async register(@Arg('input', () => RegisterInput) input: RegisterInput, @Ctx() context: Context) {
    return signIn(await context.auth.register(input), context);
  }

  @Directive('@auth(requires: PUBLIC)')
  @Directive('@errors(codes: [BAD_USER_INPUT, INVALID_CREDENTIALS, ACCOUNT_DISABLED, SERVICE_OVERLOADED])')
  @Mutation(() => AuthPayload, {
    description: 'Wrong password, unknown e-mail and deleted account look and cost the same.',
  })
  async login(@Arg('input', () => LoginInput) input: LoginInput, @Ctx() context: Context) {
    return signIn(await context.auth.login(input), context);
  }
}

function signIn(user: User, context: Context): AuthPayload {
  context.viewer = viewerOf(user);
  return { ...context.tokens.issue(user.id), user };
}
