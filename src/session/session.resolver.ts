import { Arg, Ctx, Directive, Field, FieldResolver, ID, Int, Mutation, ObjectType, Resolver, Root } from 'type-graphql';
import { actorOf, type Context, requireViewer, signOut } from '../request/context.js';
import { User } from '../user/user.entity.js';
import { Session } from './session.entity.js';
import type { SessionService } from './session.service.js';
import type { SignOutService } from './sign-out.service.js';

@ObjectType({ simpleResolvers: true, description: 'What signing out did.' })
@Directive('@auth(requires: PUBLIC)')
class LogoutPayload {
  @Field(() => Int, { description: 'How many sessions were ended.' })
  sessionsEnded!: number;
}

@Resolver(() => Session)
export class SessionResolver {
  constructor(
    private readonly sessions: SessionService,
    private readonly signOuts: SignOutService,
  ) {}

  @Directive('@auth(requires: PUBLIC)')
  @Mutation(() => LogoutPayload, {
    description:
      'Ends this session: its access tokens at the next request, its refresh token at once. An access token that has run out still says which, and so does the cookie where refresh tokens travel in one. For a session that is over 0 is the answer; what names none fails with UNAUTHENTICATED.',
  })
  async logout(@Ctx() context: Context): Promise<LogoutPayload> {
    const { viewer, cookies } = context;
    const cookie = cookies?.refresh ?? null;
    const sessionsEnded = await this.signOuts.here(actorOf(context), { viewer, cookie });
    signOut(context);
    return { sessionsEnded };
  }

  @Directive('@auth(requires: PUBLIC)')
  @Mutation(() => LogoutPayload, {
    description:
      "Ends all of the viewer's sessions, this one too. Where refresh tokens travel in a cookie, that of an open session is enough; else it fails with UNAUTHENTICATED for somebody who is not signed in.",
  })
  async logoutEverywhere(@Ctx() context: Context): Promise<LogoutPayload> {
    const { viewer, cookies } = context;
    const cookie = cookies?.refresh ?? null;
    const sessionsEnded = await this.signOuts.everywhere(actorOf(context), { viewer, cookie });
    signOut(context);
    return { sessionsEnded };
  }

  @Directive('@auth(requires: SIGNED_IN)')
  @Directive('@errors(codes: [BAD_USER_INPUT])')
  @Mutation(() => LogoutPayload, {
    description:
      "Ends one of the viewer's sessions. For one that is over, or somebody else's, nothing changes and 0 is the answer.",
  })
  async revokeSession(@Arg('id', () => ID) id: string, @Ctx() context: Context): Promise<LogoutPayload> {
    const viewer = requireViewer(context);
    const sessionsEnded = await this.sessions.revoke(viewer, viewer, { only: id });
    if (id.toLowerCase() === viewer.sessionId) signOut(context);
    return { sessionsEnded };
  }

  @FieldResolver(() => Int, {
    description: '`expiresAt` in seconds from this answer on, for clients whose clock may be wrong; 0 when it is past.',
  })
  expiresIn(@Root() { expiresAt }: Session) {
    return Math.max(0, Math.floor((expiresAt.getTime() - Date.now()) / 1000));
  }

  @FieldResolver(() => Boolean, { description: 'Whether this request was made with it.' })
  current(@Root() session: Session, @Ctx() context: Context) {
    return session.id === currentSession(context);
  }
}

@Resolver(() => User)
export class UserSessionsResolver {
  constructor(private readonly sessionService: SessionService) {}

  @Directive('@listSize(assumedSize: 30)')
  @FieldResolver(() => [Session], {
    description:
      'Where the user is signed in, the last used first. At most 30, unless `SESSIONS_PER_USER` is set otherwise: a sign-in beyond ends the least recently used.',
  })
  sessions(@Root() user: User) {
    return this.sessionService.ofUser(user.id);
  }
}

const currentSession = ({ viewer }: Context) => (viewer.id === null ? undefined : viewer.sessionId);
