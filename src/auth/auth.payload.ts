import { Directive, Field, Int, ObjectType } from 'type-graphql';
import type { AccessTokens } from '../keys/access-token.js';
import { type Context, viewerOf } from '../request/context.js';
import { Session } from '../session/session.entity.js';
import { User } from '../user/user.entity.js';
import type { SignedIn } from './auth.service.js';

@ObjectType({ simpleResolvers: true, description: 'A signed-in user with their tokens.' })
@Directive('@auth(requires: PUBLIC)')
export class AuthPayload {
  @Field(() => String, { description: 'A JWT for the header `Authorization: Bearer …`.' })
  accessToken!: string;

  @Field(() => Date, { description: 'From then on the access token is refused.' })
  accessTokenExpiresAt!: Date;

  @Field(() => Int, {
    description: 'The same in seconds from this answer on, for clients whose clock may be wrong.',
  })
  accessTokenExpiresIn!: number;

  @Field(() => String, {
    description: 'Opaque, for one use; `refresh` trades it for the next pair. Empty where it travels in a cookie.',
  })
  refreshToken!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'Tells the next `login` from this device from those of strangers, and opens nothing by itself. Keep it also after a logout. Null where nobody gave a password, and where it travels in a cookie.',
  })
  deviceToken!: string | null;

  @Field(() => Session)
  session!: Session;

  @Field(() => User, { description: 'The viewer for the rest of the operation.' })
  user!: User;
}

/** Tokens for a session that is open; its user is the viewer for the rest of the operation. */
export function signIn(signedIn: SignedIn, tokens: AccessTokens, context: Context): AuthPayload {
  const { user, session, refreshToken, device } = signedIn;
  context.viewer = viewerOf(user, session.id);
  const payload = { ...tokens.issue(user.id, session), session, user };
  const { cookies } = context;
  if (!cookies) return { ...payload, refreshToken, deviceToken: device?.deviceToken ?? null };
  cookies.refresh.set(refreshToken, session.expiresAt);
  if (device) cookies.device.set(device.deviceToken, device.expiresAt);
  return { ...payload, refreshToken: '', deviceToken: null };
}
