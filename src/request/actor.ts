import type { UnauthenticatedReason } from '../errors.js';
import { Language } from './language.js';
import { RequestMemo } from './request-memo.js';

/** Where a request comes from, and the language that is read there. */
export interface Client {
  userAgent: string | null;
  ipAddress: string | null;
  language: Language;
}

/** Which session, and whose. */
export interface NamedSession {
  userId: string;
  sessionId: string;
}

/**
 * Who asks: a user who can sign in; or why there is none. `was` is the session of a token that is ours, but too old, or
 * of a session that has ended.
 */
export type Viewer =
  | { id: string; role: 'ADMIN' | 'MEMBER'; sessionId: string }
  | { id: null; reason: UnauthenticatedReason; was?: NamedSession };

/** Who does something, and from where. The first argument of what is done for a request or a command. */
export interface Actor {
  /** Null for somebody who is not signed in, and for a command. */
  userId: string | null;
  sessionId: string | null;
  client: Client;
  /** Null for a command. */
  requestId: string | null;
  memo: RequestMemo;
}

/** Somebody who is signed in. */
export interface SignedInActor extends Actor {
  userId: string;
  sessionId: string;
}

/** For what a command does. */
export const COMMAND: Actor = {
  userId: null,
  sessionId: null,
  client: { userAgent: null, ipAddress: null, language: Language.ENGLISH },
  requestId: null,
  memo: new RequestMemo(),
};
