import type { Actor, Client, SignedInActor, Viewer } from './actor.js';
import type { Cookies } from './cookies.js';
import type { Execution } from './execution.js';
import { RequestMemo } from './request-memo.js';

/** One request, as resolvers see it. */
export interface Context {
  requestId: string;
  /** What signs in, out or changes the viewer changes it for the rest of the operation. */
  viewer: Viewer;
  client: Client;
  /** Null where tokens travel in the payload. */
  cookies: Cookies | null;
  /**
   * Objects of this answer whose own values may be read by somebody who is not their user: the token that led to them
   * says so.
   */
  disclosed: WeakSet<object>;
  memo: RequestMemo;
  execution: Execution;
}

/** What a request says of itself. */
export interface RequestFacts {
  requestId: string;
  authorization: string | undefined;
  client: Client;
  cookies: Cookies | null;
  execution: Execution;
}

/** `authenticate` says who asks, by the header Authorization. */
export async function createContext(
  { requestId, authorization, client, cookies, execution }: RequestFacts,
  authenticate: (authorization: string | undefined, memo: RequestMemo) => Promise<Viewer>,
): Promise<Context> {
  const memo = new RequestMemo();
  const viewer = await authenticate(authorization, memo);
  return {
    requestId,
    viewer,
    client,
    cookies,
    disclosed: new WeakSet(),
    memo,
    execution,
  };
}

export const actorOf = ({ viewer, requestId, client, memo }: Context): Actor => ({
  userId: viewer.id,
  sessionId: viewer.id === null ? null : viewer.sessionId,
  client,
  requestId,
  memo,
});

/** A root field that was denied to a signed-in viewer; `subjectId` is null where its argument is no id. */
export interface Denial {
  operation: string;
  subjectId: string | null;
}

/** Those of this request so far. */
export const denialsOf = ({ memo }: Context): Denial[] => memo.get(denialsOf, () => []);

/** The actor of a field whose rule asks for a signed-in user. */
export function requireViewer(context: Context): SignedInActor {
  const { viewer } = context;
  if (viewer.id === null) throw new TypeError('a field without a rule asked who is signed in');
  return { ...actorOf(context), userId: viewer.id, sessionId: viewer.sessionId };
}

/** A user as what they may do depends on it. */
interface Account {
  id: string;
  roleName: 'ADMIN' | 'MEMBER';
  canSignIn: boolean;
}

export const viewerOf = ({ id, roleName }: Account, sessionId: string): Viewer => ({ id, role: roleName, sessionId });

/** The rest of the operation has no viewer, and the browser forgets its refresh token. */
export function signOut(context: Context): void {
  context.viewer = { id: null, reason: 'REVOKED' };
  context.cookies?.refresh.clear();
}

/** After a change of a user: where it is the viewer, what the rest of the operation may do follows from it. */
export function updateViewer(context: Context, user: Account): void {
  const { viewer } = context;
  if (viewer.id !== user.id) return;
  if (user.canSignIn) context.viewer = viewerOf(user, viewer.sessionId);
  else signOut(context);
}
