import { Arg, Ctx, Directive, Field, FieldResolver, ID, Int, Mutation, ObjectType, Resolver, Root } from 'type-graphql';
import { type Context, signedIn, signOut } from '../context.js';
import { User } from '../user/user.entity.js';
import { Session } from './session.entity.js';

@ObjectType({ simpleResolvers: true, description: 'What signing out did.' })
@Directive('@auth(requires: PUBLIC)')
class LogoutPayload {
  @Field(() => Int, { description: 'How many sessions were ended.' })
  sessionsEnded!: number;
}

@Resolver(() => Session)
export class SessionResolver {
  @Directive('@auth(requires: SIGNED_IN)')
  @Mutation(() => LogoutPayload, {
    description: 'Ends this session: its access tokens at the next request, its refresh token at once.',
  })
  logout(@Ctx() context: Context) {
    return end(context, { only: currentSession(context) });
  }

  @Directive('@auth(requires: SIGNED_IN)')
  @Mutation(() => LogoutPayload, { description: "Ends all of the viewer's sessions, this one too." })
  logoutEverywhere(@Ctx() context: Context) {
    return end(context, {});
  }

  @Directive('@auth(requires: SIGNED_IN)')
  @Directive('@errors(codes: [BAD_USER_INPUT])')
  @Mutation(() => LogoutPayload, {
    description:
      "Ends one of the viewer's sessions. For one that is over, or somebody else's, nothing changes and 0 is the answer.",
  })
  revokeSession(@Arg('id', () => ID) id: string, @Ctx() context: Context) {
    return end(context, { only: id });
  }

  @FieldResolver(() => Boolean, { description: 'Whether this request was made with it.' })
  current(@Root() session: Session, @Ctx() context: Context) {
    return session.id === currentSession(context);
  }
}

@Resolver(() => User)
export class UserSessionsResolver {
  @FieldResolver(() => [Session], { description: 'Where the user is signed in, the last used first.' })
  sessions(@Root() user: User, @Ctx() { sessions }: Context) {
    return sessions.ofUser(user.id);
  }
}

const currentSession = ({ viewer }: Context) => (viewer.id === null ? undefined : viewer.sessionId);

async function end(context: Context, which: { only?: string }): Promise<LogoutPayload> {
  const viewer = signedIn(context);
  const sessionsEnded = await context.sessions.end(viewer.id, which);
  const endedThis = which.only === undefined || which.only.toLowerCase() === viewer.sessionId;
  if (endedThis) signOut(context);
  return { sessionsEnded };
}
