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

  @Field(() => Session)
  session!: Session;

  @Field(() => User, { description: 'The viewer for the rest of the operation.' })
  user!: User;
}

/** Tokens for a session that is open; its user is the viewer for the rest of the operation. */
export function signIn({ user, session, refreshToken }: SignedIn, tokens: AccessTokens, context: Context): AuthPayload {
  context.viewer = viewerOf(user, session.id);
  const issued = tokens.issue(user.id, session);
  if (!context.refreshCookie) return { ...issued, refreshToken, session, user };
  context.refreshCookie.set(refreshToken, session.expiresAt);
  return { ...issued, refreshToken: '', session, user };
}
