// Made by `UPDATE_DOCS=1 npm test -- --selectProjects house` from schema.graphql and operations.graphql.

export type Maybe<T> = T | null;
export type InputMaybe<T> = Maybe<T>;
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** A time as in RFC 3339, such as 2007-12-03T10:15:30.000Z, of the years 0001 to 9999. Answers have it in UTC. */
  DateTime: { input: string; output: string; }
  /** An e-mail address of at most 254 characters, ASCII before the @. Outer blanks and case do not count. An internationalised domain is taken in either form, and answered in its ASCII form (UTS 46). */
  EmailAddress: { input: string; output: string; }
  /** The `JSONObject` scalar type represents JSON objects as specified by [ECMA-404](http://www.ecma-international.org/publications/files/ECMA-ST/ECMA-404.pdf). */
  JSONObject: { input: Record<string, unknown>; output: Record<string, unknown>; }
};

/** Who may use a field. */
export type Access =
  /** Admins. */
  | 'ADMIN'
  /** Anyone, signed in or not. */
  | 'PUBLIC'
  /** The user that the field is about (the parent `User`, or the root field's `id` argument), or an admin. */
  | 'SELF_OR_ADMIN'
  /** Any signed-in, active user. */
  | 'SIGNED_IN';

/** Whether an account can be used. */
export type AccountState =
  /** Its user can sign in. */
  | 'ACTIVE'
  /** It was deleted; in a grace period that can be taken back. */
  | 'CLOSED'
  /** An admin switched it off, and can switch it on. */
  | 'DEACTIVATED';

/** A page of what happened. */
export type AuditConnection = {
  /** Access: ADMIN. */
  edges: Array<AuditEdge>;
  /** Access: ADMIN. */
  nodes: Array<AuditEvent>;
  /** Access: ADMIN. */
  pageInfo: PageInfo;
};

/** Something that happened with its place in the list. */
export type AuditEdge = {
  /**
   * Opaque; fits every list of audit events.
   *
   * Access: ADMIN.
   */
  cursor: Scalars['String']['output'];
  /** Access: ADMIN. */
  node: AuditEvent;
};

/** Something that happened. */
export type AuditEvent = {
  /**
   * One of:
   * - `user.registered`: there is a new account, or a first admin made by a command
   * - `user.imported`: there is a new account, from a file
   * - `user.profile_updated`: another name
   * - `user.password_changed`: another password, by the old one or by a link; how many sessions ended
   * - `user.email_verified`: an address was shown to be that of its user
   * - `user.email_changed`: another address, by a link
   * - `user.role_changed`: another role; from which to which
   * - `user.deactivated`: an account was switched off; why
   * - `user.activated`: an account was switched on again
   * - `user.deleted`: an account was closed
   * - `user.restored`: the deletion of an account was taken back
   * - `user.purged`: what was personal in a closed account was removed
   * - `user.data_exported`: somebody had everything exported that is held about them
   * - `session.opened`: somebody signed in
   * - `session.ended`: sessions were ended by their user, or because another was opened beyond the limit; how many and, for the latter, why
   * - `session.reuse_detected`: a refresh token came a second time, and its session ended
   * - `login.failed`: a login was refused; by which code
   * - `password_change.failed`: the old password was wrong
   * - `password_reset.requested`: a link was asked for that sets another password
   * - `email_verification.requested`: a link was asked for that shows an address to be that of its user
   * - `email_change.requested`: a link was asked for that sets another address
   * - `email_change.failed`: the password was wrong with which another address was asked for
   * - `records.removed`: rows that were older than their retention were removed; how many of each kind
   * - `user_deletion.failed`: the password was wrong with which somebody confirmed the deletion of their account
   * - `access.denied`: somebody signed in tried an operation that is not theirs; which
   *
   * Access: ADMIN.
   */
  action: Scalars['String']['output'];
  /**
   * Who did it; null for someone not signed in.
   *
   * Access: ADMIN.
   */
  actorId?: Maybe<Scalars['ID']['output']>;
  /** Access: ADMIN. */
  at: Scalars['DateTime']['output'];
  /**
   * What is worth knowing beside; never a secret.
   *
   * Access: ADMIN.
   */
  details?: Maybe<Scalars['JSONObject']['output']>;
  /** Access: ADMIN. */
  id: Scalars['ID']['output'];
  /**
   * Where the request came from; null for commands.
   *
   * Access: ADMIN.
   */
  ipAddress?: Maybe<Scalars['String']['output']>;
  /** Access: ADMIN. */
  result: AuditResult;
  /**
   * The session it was done from, or that it opened.
   *
   * Access: ADMIN.
   */
  sessionId?: Maybe<Scalars['ID']['output']>;
  /**
   * The user to whom it was done; null if that is not known.
   *
   * Access: ADMIN.
   */
  subjectId?: Maybe<Scalars['ID']['output']>;
};

/** Conditions on what happened. All that are given must hold. */
export type AuditFilter = {
  /** The whole name of the action, as `AuditEvent.action` has them. */
  action?: InputMaybe<Scalars['String']['input']>;
  /** Who did it. */
  actorId?: InputMaybe<Scalars['ID']['input']>;
  /** Before then. */
  before?: InputMaybe<Scalars['DateTime']['input']>;
  /** Then or later. */
  from?: InputMaybe<Scalars['DateTime']['input']>;
  /** Whom it was done to. */
  subjectId?: InputMaybe<Scalars['ID']['input']>;
};

/** How it ended. */
export type AuditResult =
  /** It was tried without the right to. */
  | 'DENIED'
  /** It was tried with the wrong credentials. */
  | 'FAILED'
  /** It was done. */
  | 'SUCCEEDED';

/** A signed-in user with their tokens. */
export type AuthPayload = {
  /**
   * A JWT for the header `Authorization: Bearer …`.
   *
   * Access: PUBLIC.
   */
  accessToken: Scalars['String']['output'];
  /**
   * From then on the access token is refused.
   *
   * Access: PUBLIC.
   */
  accessTokenExpiresAt: Scalars['DateTime']['output'];
  /**
   * The same in seconds from this answer on, for clients whose clock may be wrong.
   *
   * Access: PUBLIC.
   */
  accessTokenExpiresIn: Scalars['Int']['output'];
  /**
   * Tells the next `login` from this device from those of strangers, and opens nothing by itself. Keep it also after a logout. Null where nobody gave a password, and where it travels in a cookie.
   *
   * Access: PUBLIC.
   */
  deviceToken?: Maybe<Scalars['String']['output']>;
  /**
   * Opaque, for one use; `refresh` trades it for the next pair. Empty where it travels in a cookie.
   *
   * Access: PUBLIC.
   */
  refreshToken: Scalars['String']['output'];
  /** Access: PUBLIC. */
  session: Session;
  /**
   * The viewer for the rest of the operation.
   *
   * Access: PUBLIC.
   */
  user: User;
};

/** Another address for the signed-in user. */
export type ChangeEmailInput = {
  newEmail: Scalars['EmailAddress']['input'];
  /** The current one. */
  password: Scalars['String']['input'];
};

/** Another password for the signed-in user. */
export type ChangePasswordInput = {
  currentPassword: Scalars['String']['input'];
  /** Characters of any kind: at least as many as the server wants (`PASSWORD_MIN_LENGTH`, 8 unless set), and at most 128 in Unicode's form NFKC. Not one of the most common passwords, nor the user's name or address or what stands before its @. */
  newPassword: Scalars['String']['input'];
};

/** Everything that is held about a user. */
export type DataExport = {
  /**
   * Rows by table, such as `users` and `sessions`. Passwords, digests and tokens are left out.
   *
   * Access: SELF_OR_ADMIN.
   */
  data: Scalars['JSONObject']['output'];
  /** Access: SELF_OR_ADMIN. */
  generatedAt: Scalars['DateTime']['output'];
};

/** What `deleteUser` did. */
export type DeleteUserPayload = {
  /**
   * When the account was closed.
   *
   * Access: PUBLIC.
   */
  deletedAt: Scalars['DateTime']['output'];
  /** Access: PUBLIC. */
  id: Scalars['ID']['output'];
};

/** How far a step of a deletion is. */
export type DeletionReceipt = {
  /**
   * How often it was tried.
   *
   * Access: ADMIN.
   */
  attempts: Scalars['Int']['output'];
  /**
   * When it was done.
   *
   * Access: ADMIN.
   */
  finishedAt?: Maybe<Scalars['DateTime']['output']>;
  /**
   * Why the last attempt failed.
   *
   * Access: ADMIN.
   */
  lastError?: Maybe<Scalars['String']['output']>;
  /** Access: ADMIN. */
  status: ReceiptStatus;
  /**
   * The name of the step, such as `mail` or `purge`.
   *
   * Access: ADMIN.
   */
  step: Scalars['String']['output'];
};

/** Where a deletion stands. */
export type DeletionStatus =
  /** Every step is done, and nothing personal is left. */
  | 'DONE'
  /** The grace period is over; the steps are under way. */
  | 'PURGING'
  /** The account is closed, and the deletion can still be taken back. */
  | 'SCHEDULED';

/** That a participant has erased what it held about a user. */
export type ErasureAcknowledged = {
  /**
   * When it was acknowledged first.
   *
   * Access: PUBLIC.
   */
  acknowledgedAt: Scalars['DateTime']['output'];
  /**
   * The name of the participant, as in `DELETION_PARTICIPANTS`.
   *
   * Access: PUBLIC.
   */
  participant: Scalars['String']['output'];
  /** Access: PUBLIC. */
  userId: Scalars['ID']['output'];
};

/** Every value of `extensions.code` that an answer can carry. */
export type ErrorCode =
  /** The account exists and is switched off. */
  | 'ACCOUNT_DISABLED'
  /** The HTTP request is not a GraphQL request that this server takes. */
  | 'BAD_REQUEST'
  /** An argument does not fit; `path` or `issues` name the place, never the value. */
  | 'BAD_USER_INPUT'
  /** The body has more bytes than `limit`. */
  | 'BODY_TOO_LARGE'
  /** The thing was changed by somebody else in the meantime. */
  | 'CONFLICT'
  /** This server runs the documents of a manifest, and this is none of them. */
  | 'DOCUMENT_NOT_TRUSTED'
  /** There is an open account with this e-mail address. */
  | 'EMAIL_TAKEN'
  /** The operation took more seconds than `limit`; what is left of it was not begun. */
  | 'EXECUTION_TIMEOUT'
  /** The signed-in user may not do this, or a page of this origin may not. */
  | 'FORBIDDEN'
  /** The document is not GraphQL. */
  | 'GRAPHQL_PARSE_FAILED'
  /** The document does not fit the schema. */
  | 'GRAPHQL_VALIDATION_FAILED'
  /** A fault of the server; its log has the details under `requestId`. */
  | 'INTERNAL_SERVER_ERROR'
  /** E-mail and password do not belong to an open account. */
  | 'INVALID_CREDENTIALS'
  /** The token of a link is unknown, used or too old, or an acknowledgement is not signed by a participant. */
  | 'INVALID_TOKEN'
  /** The last active admin cannot go. */
  | 'LAST_ADMIN'
  /** There is no such thing. */
  | 'NOT_FOUND'
  /** The operation has more fields with `@once` than `limit`; send them one by one. */
  | 'ONCE_PER_OPERATION'
  /** The server does not know this hash; send the document along. */
  | 'PERSISTED_QUERY_NOT_FOUND'
  /** This server takes no persisted queries. */
  | 'PERSISTED_QUERY_NOT_SUPPORTED'
  /** Too many attempts; `retryAfterSeconds` says when to come back. */
  | 'RATE_LIMITED'
  /** The session is older than 5 minutes: confirm with the password, or sign in again first. */
  | 'REAUTHENTICATION_REQUIRED'
  /** The answer to the query has more bytes than `limit`; ask for smaller pages. */
  | 'RESPONSE_TOO_LARGE'
  /** Too much to do at the moment, or the database cannot do it; `retryAfterSeconds` says when to come back. */
  | 'SERVICE_OVERLOADED'
  /** The operation may read more objects, or has more fields, than `limit`; ask for smaller pages. */
  | 'TOO_COSTLY'
  /** Fields lie within one another on more levels than `limit`. */
  | 'TOO_DEEP'
  /** The operation has more aliases than `limit`. */
  | 'TOO_MANY_ALIASES'
  /** A field or a spread has more directives than `limit`. */
  | 'TOO_MANY_DIRECTIVES'
  /** The document has more fragments than `limit`. */
  | 'TOO_MANY_FRAGMENTS'
  /** The document has more lines than `limit`. */
  | 'TOO_MANY_LINES'
  /** The operation has more root fields than `limit`. */
  | 'TOO_MANY_ROOT_FIELDS'
  /** The document has more words and signs than `limit`. */
  | 'TOO_MANY_TOKENS'
  /** The request is not signed in; `reason` says why: MISSING, EXPIRED, INVALID or REVOKED. */
  | 'UNAUTHENTICATED'
  /** The password is too short, too common, or the user's own name or address. */
  | 'WEAK_PASSWORD';

/** Who signs in. */
export type LoginInput = {
  /** The last `AuthPayload.deviceToken` that this device was given: failed attempts of strangers then keep nobody out here. One that is unknown counts for nothing. Where tokens travel in cookies, only the cookie counts. */
  deviceToken?: InputMaybe<Scalars['String']['input']>;
  email: Scalars['EmailAddress']['input'];
  password: Scalars['String']['input'];
};

/** What signing out did. */
export type LogoutPayload = {
  /**
   * How many sessions were ended.
   *
   * Access: PUBLIC.
   */
  sessionsEnded: Scalars['Int']['output'];
};

export type Mutation = {
  /**
   * For participants: that they have erased what they held about a user, signed with their secret. Doing it twice changes nothing.
   *
   * Access: PUBLIC. Errors: INVALID_TOKEN, CONFLICT.
   */
  acknowledgeErasure: ErasureAcknowledged;
  /**
   * Switches an account on again. Doing it twice changes nothing.
   *
   * Access: ADMIN. Errors: BAD_USER_INPUT, NOT_FOUND.
   */
  activateUser: User;
  /**
   * Takes a deletion back while its grace period runs, and announces it as `user.restored`. For an open account nothing changes.
   *
   * Access: ADMIN. Errors: BAD_USER_INPUT, NOT_FOUND, CONFLICT.
   */
  cancelUserDeletion: User;
  /**
   * Keeps this session, with new tokens, and ends all others. The same within a minute is answered alike.
   *
   * Access: SIGNED_IN. Errors: BAD_USER_INPUT, INVALID_CREDENTIALS, WEAK_PASSWORD, SERVICE_OVERLOADED.
   */
  changePassword: AuthPayload;
  /**
   * Changes the address by the token of the link that was sent to it, and tells the old address. If the user has that address already, nothing changes. This is no sign-in, as with `verifyEmail`.
   *
   * Access: PUBLIC. Errors: INVALID_TOKEN, EMAIL_TAKEN.
   */
  confirmEmailChange: User;
  /**
   * Switches an account off and ends its sessions. Until it is switched on, its user cannot sign in. Doing it twice changes nothing.
   *
   * Access: ADMIN. Errors: BAD_USER_INPUT, NOT_FOUND, LAST_ADMIN.
   */
  deactivateUser: User;
  /**
   * Closes an account, announces it as `user.deleted` and sends a receipt to its address; where there is a grace period, `user.deletion_scheduled` comes first. Doing it twice changes nothing and announces nothing.
   *
   * Access: SELF_OR_ADMIN. Errors: BAD_USER_INPUT, NOT_FOUND, LAST_ADMIN, REAUTHENTICATION_REQUIRED, INVALID_CREDENTIALS, SERVICE_OVERLOADED.
   */
  deleteUser: DeleteUserPayload;
  /**
   * Everything that is held about the signed-in user.
   *
   * Access: SIGNED_IN.
   */
  exportMyData: DataExport;
  /**
   * Wrong password, unknown e-mail and deleted account look and cost the same.
   *
   * Access: PUBLIC. Errors: BAD_USER_INPUT, INVALID_CREDENTIALS, ACCOUNT_DISABLED, SERVICE_OVERLOADED.
   */
  login: AuthPayload;
  /**
   * Ends this session: its access tokens at the next request, its refresh token at once. An access token that has run out still says which, and so does the cookie where refresh tokens travel in one. For a session that is over 0 is the answer; what names none fails with UNAUTHENTICATED.
   *
   * Access: PUBLIC.
   */
  logout: LogoutPayload;
  /**
   * Ends all of the viewer's sessions, this one too. Where refresh tokens travel in a cookie, that of an open session is enough; else it fails with UNAUTHENTICATED for somebody who is not signed in.
   *
   * Access: PUBLIC.
   */
  logoutEverywhere: LogoutPayload;
  /**
   * Trades a refresh token for the next pair. For 10 seconds it may be traded again, for the same one; after that, for an hour unless set otherwise, for another one while the next is unused. Any other use of an old token ends the session, for two have it. What it does not take fails with UNAUTHENTICATED.
   *
   * Access: PUBLIC.
   */
  refresh: AuthPayload;
  /**
   * Creates a member account and signs it in. The same within a minute signs in again.
   *
   * Access: PUBLIC. Errors: BAD_USER_INPUT, EMAIL_TAKEN, WEAK_PASSWORD, SERVICE_OVERLOADED.
   */
  register: AuthPayload;
  /**
   * Sends a link to the new address, which is changed when the link is used. Whether an account has the new address is not told.
   *
   * Access: SIGNED_IN. Errors: BAD_USER_INPUT, INVALID_CREDENTIALS, SERVICE_OVERLOADED.
   */
  requestEmailChange: RequestAccepted;
  /**
   * Sends a link to the viewer's address that shows that it is theirs. Where that is known, nothing is sent.
   *
   * Access: SIGNED_IN.
   */
  requestEmailVerification: RequestAccepted;
  /**
   * Sends a link for a new password to the address, if an account has it. Whether one has is not told, not even by the time it takes.
   *
   * Access: PUBLIC.
   */
  requestPasswordReset: RequestAccepted;
  /**
   * Sets a new password by the token of a link, ends all sessions and opens one. The token is for one use, for an hour; the same within a minute signs in again.
   *
   * Access: PUBLIC. Errors: BAD_USER_INPUT, INVALID_TOKEN, WEAK_PASSWORD, SERVICE_OVERLOADED.
   */
  resetPassword: AuthPayload;
  /**
   * Ends one of the viewer's sessions. For one that is over, or somebody else's, nothing changes and 0 is the answer.
   *
   * Access: SIGNED_IN. Errors: BAD_USER_INPUT.
   */
  revokeSession: LogoutPayload;
  /**
   * Makes an admin or a member of somebody, from their next request on. The same role again changes nothing.
   *
   * Access: ADMIN. Errors: BAD_USER_INPUT, NOT_FOUND, LAST_ADMIN.
   */
  setUserRole: User;
  /**
   * Changes what is given of the viewer's own account.
   *
   * Access: SIGNED_IN. Errors: BAD_USER_INPUT.
   */
  updateProfile: User;
  /**
   * Verifies an address by the token of a link, which is good for an hour. If the address is verified already, any link that was sent to it says so again, and nothing changes. This is no sign-in: of the answer, only the user's own values can be read.
   *
   * Access: PUBLIC. Errors: INVALID_TOKEN.
   */
  verifyEmail: User;
};


export type MutationAcknowledgeErasureArgs = {
  acknowledgement: Scalars['String']['input'];
};


export type MutationActivateUserArgs = {
  id: Scalars['ID']['input'];
};


export type MutationCancelUserDeletionArgs = {
  id: Scalars['ID']['input'];
};


export type MutationChangePasswordArgs = {
  input: ChangePasswordInput;
};


export type MutationConfirmEmailChangeArgs = {
  token: Scalars['String']['input'];
};


export type MutationDeactivateUserArgs = {
  id: Scalars['ID']['input'];
  reason?: InputMaybe<Scalars['String']['input']>;
};


export type MutationDeleteUserArgs = {
  id: Scalars['ID']['input'];
  password?: InputMaybe<Scalars['String']['input']>;
};


export type MutationLoginArgs = {
  input: LoginInput;
};


export type MutationRefreshArgs = {
  input: RefreshInput;
};


export type MutationRegisterArgs = {
  input: RegisterInput;
};


export type MutationRequestEmailChangeArgs = {
  input: ChangeEmailInput;
};


export type MutationRequestPasswordResetArgs = {
  email: Scalars['EmailAddress']['input'];
};


export type MutationResetPasswordArgs = {
  input: ResetPasswordInput;
};


export type MutationRevokeSessionArgs = {
  id: Scalars['ID']['input'];
};


export type MutationSetUserRoleArgs = {
  id: Scalars['ID']['input'];
  role: RoleName;
};


export type MutationUpdateProfileArgs = {
  input: UpdateProfileInput;
};


export type MutationVerifyEmailArgs = {
  token: Scalars['String']['input'];
};

/** What `node` finds. Its fields have the rules of the type that it is. */
export type Node = {
  /** A UUID; treat it as opaque. */
  id: Scalars['ID']['output'];
};

/** Which end comes first. */
export type OrderDirection =
  | 'ASC'
  | 'DESC';

/** Where a page lies in its list (Relay cursor connections). */
export type PageInfo = {
  /** Access: PUBLIC. */
  endCursor?: Maybe<Scalars['String']['output']>;
  /** Access: PUBLIC. */
  hasNextPage: Scalars['Boolean']['output'];
  /** Access: PUBLIC. */
  hasPreviousPage: Scalars['Boolean']['output'];
  /** Access: PUBLIC. */
  startCursor?: Maybe<Scalars['String']['output']>;
};

export type Query = {
  /**
   * What happened, to whom and by whom; newest first. 20 a page; at most 100.
   *
   * Access: ADMIN. Errors: BAD_USER_INPUT.
   */
  auditEvents: AuditConnection;
  /**
   * The signed-in user, or null.
   *
   * Access: PUBLIC.
   */
  me?: Maybe<User>;
  /**
   * The same as `user`, for clients such as Relay that read any object by its id.
   *
   * Access: SELF_OR_ADMIN. Errors: BAD_USER_INPUT.
   */
  node?: Maybe<Node>;
  /**
   * All roles, by name: as many as `RoleName` has.
   *
   * Access: ADMIN.
   */
  roles: Array<Role>;
  /**
   * One user, also of a closed account. Null if there is none with this id, which only an admin can find out.
   *
   * Access: SELF_OR_ADMIN. Errors: BAD_USER_INPUT.
   */
  user?: Maybe<User>;
  /**
   * Where the deletion of an account stands; null for one that is open, or not there.
   *
   * Access: ADMIN. Errors: BAD_USER_INPUT.
   */
  userDeletion?: Maybe<UserDeletion>;
  /**
   * All users with open accounts, newest first, unless `filter` and `orderBy` say otherwise. 20 a page; at most 100. Give `first` with `after`, or `last` with `before`.
   *
   * Access: ADMIN. Errors: BAD_USER_INPUT.
   */
  users: UserConnection;
};


export type QueryAuditEventsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<AuditFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryNodeArgs = {
  id: Scalars['ID']['input'];
};


export type QueryUserArgs = {
  id: Scalars['ID']['input'];
};


export type QueryUserDeletionArgs = {
  id: Scalars['ID']['input'];
};


export type QueryUsersArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<UserFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<UserOrder>;
};

/** How far a step of a deletion is. */
export type ReceiptStatus =
  /** It was done. */
  | 'DONE'
  /** It was tried as often as it may be; `npm run deletions:retry` tries it again. */
  | 'FAILED'
  /** To be done, or to be tried again. */
  | 'PENDING';

/** The refresh token of the last answer. Where it travels in a cookie, only the cookie counts. */
export type RefreshInput = {
  refreshToken: Scalars['String']['input'];
};

/** A new account. There is no role: every registration makes a member. */
export type RegisterInput = {
  email: Scalars['EmailAddress']['input'];
  /** 1 to 100 characters, one of them visible; no controls of direction. */
  name: Scalars['String']['input'];
  /** Characters of any kind: at least as many as the server wants (`PASSWORD_MIN_LENGTH`, 8 unless set), and at most 128 in Unicode's form NFKC. Not one of the most common passwords, nor the user's name or address or what stands before its @. */
  password: Scalars['String']['input'];
};

/** Says the same whether or not there was anything to do. */
export type RequestAccepted = {
  /** Access: PUBLIC. */
  accepted: Scalars['Boolean']['output'];
};

/** A new password, set by the token of a mail. */
export type ResetPasswordInput = {
  /** Characters of any kind: at least as many as the server wants (`PASSWORD_MIN_LENGTH`, 8 unless set), and at most 128 in Unicode's form NFKC. Not one of the most common passwords, nor the user's name or address or what stands before its @. */
  newPassword: Scalars['String']['input'];
  /** As it was in the link of the mail. */
  token: Scalars['String']['input'];
};

/** What a group of users may do. */
export type Role = {
  /**
   * The role in a sentence.
   *
   * Access: SIGNED_IN.
   */
  description?: Maybe<Scalars['String']['output']>;
  /** Access: SIGNED_IN. */
  id: Scalars['ID']['output'];
  /** Access: SIGNED_IN. */
  name: RoleName;
};

/** What a user may do. */
export type RoleName =
  /** Reads, lists and deletes every user. */
  | 'ADMIN'
  /** Reads and deletes their own account. */
  | 'MEMBER';

/** A sign-in of one device. */
export type Session = {
  /** Access: SELF_OR_ADMIN. */
  createdAt: Scalars['DateTime']['output'];
  /**
   * Whether this request was made with it.
   *
   * Access: SELF_OR_ADMIN.
   */
  current: Scalars['Boolean']['output'];
  /**
   * From then on it cannot be refreshed; each refresh moves this on, up to the end of its longest life.
   *
   * Access: SELF_OR_ADMIN.
   */
  expiresAt: Scalars['DateTime']['output'];
  /**
   * `expiresAt` in seconds from this answer on, for clients whose clock may be wrong; 0 when it is past.
   *
   * Access: SELF_OR_ADMIN.
   */
  expiresIn: Scalars['Int']['output'];
  /** Access: SELF_OR_ADMIN. */
  id: Scalars['ID']['output'];
  /**
   * Where it was used at `lastUsedAt`.
   *
   * Access: SELF_OR_ADMIN.
   */
  ipAddress?: Maybe<Scalars['String']['output']>;
  /**
   * When it was last given tokens: opened, refreshed, or kept through a change of password.
   *
   * Access: SELF_OR_ADMIN.
   */
  lastUsedAt: Scalars['DateTime']['output'];
  /**
   * Where it was opened.
   *
   * Access: SELF_OR_ADMIN.
   */
  openedIpAddress?: Maybe<Scalars['String']['output']>;
  /**
   * What the device said of itself when it was opened.
   *
   * Access: SELF_OR_ADMIN.
   */
  openedUserAgent?: Maybe<Scalars['String']['output']>;
  /**
   * What the device said of itself at `lastUsedAt`.
   *
   * Access: SELF_OR_ADMIN.
   */
  userAgent?: Maybe<Scalars['String']['output']>;
};

/** What is left out stays as it is. */
export type UpdateProfileInput = {
  /** 1 to 100 characters, one of them visible; no controls of direction. */
  name?: InputMaybe<Scalars['String']['input']>;
};

/** Somebody with an account. */
export type User = Node & {
  /**
   * What happened to this account, newest first.
   *
   * Access: ADMIN. Errors: BAD_USER_INPUT.
   */
  auditTrail: AuditConnection;
  /** Access: SELF_OR_ADMIN. */
  createdAt: Scalars['DateTime']['output'];
  /**
   * When the account was closed; null while it is open.
   *
   * Access: ADMIN.
   */
  deletedAt?: Maybe<Scalars['DateTime']['output']>;
  /**
   * The address with its domain in its own letters, where these cannot be taken for another domain; for people to read.
   *
   * Access: SELF_OR_ADMIN.
   */
  displayEmail: Scalars['String']['output'];
  /**
   * Where the user signs in; in ASCII and lower case.
   *
   * Access: SELF_OR_ADMIN.
   */
  email: Scalars['EmailAddress']['output'];
  /**
   * Whether a link that was sent to the address has been used, here or in the system that the account was imported from.
   *
   * Access: SELF_OR_ADMIN.
   */
  emailVerified: Scalars['Boolean']['output'];
  /**
   * A UUID; treat it as opaque.
   *
   * Access: SELF_OR_ADMIN.
   */
  id: Scalars['ID']['output'];
  /**
   * Whether the user can sign in.
   *
   * Access: SELF_OR_ADMIN.
   */
  isActive: Scalars['Boolean']['output'];
  /** Access: SELF_OR_ADMIN. */
  name: Scalars['String']['output'];
  /**
   * What the user may do.
   *
   * Access: SELF_OR_ADMIN.
   */
  role: Role;
  /**
   * Where the user is signed in, the last used first. At most 30, unless `SESSIONS_PER_USER` is set otherwise: a sign-in beyond ends the least recently used.
   *
   * Access: SELF_OR_ADMIN.
   */
  sessions: Array<Session>;
  /** Access: SELF_OR_ADMIN. */
  updatedAt: Scalars['DateTime']['output'];
};


/** Somebody with an account. */
export type UserAuditTrailArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
};

/** A page of users. */
export type UserConnection = {
  /** Access: ADMIN. */
  edges: Array<UserEdge>;
  /** Access: ADMIN. */
  nodes: Array<User>;
  /** Access: ADMIN. */
  pageInfo: PageInfo;
  /**
   * How many users the filter matches: exact up to 10000, beyond it an estimate. Counted only when asked for.
   *
   * Access: ADMIN.
   */
  totalCount: Scalars['Int']['output'];
  /**
   * Whether `totalCount` is an estimate, since there are more than 10000.
   *
   * Access: ADMIN.
   */
  totalCountIsEstimate: Scalars['Boolean']['output'];
};

/** Where the deletion of an account stands: who has been told, and who has finished. */
export type UserDeletion = {
  /**
   * When its grace period ends, and the purge begins.
   *
   * Access: ADMIN.
   */
  purgeAt?: Maybe<Scalars['DateTime']['output']>;
  /**
   * When nothing personal was left here.
   *
   * Access: ADMIN.
   */
  purgedAt?: Maybe<Scalars['DateTime']['output']>;
  /**
   * One for each step, by name; none before the purge begins.
   *
   * Access: ADMIN.
   */
  receipts: Array<DeletionReceipt>;
  /**
   * When the account was closed.
   *
   * Access: ADMIN.
   */
  requestedAt: Scalars['DateTime']['output'];
  /** Access: ADMIN. */
  status: DeletionStatus;
  /** Access: ADMIN. */
  userId: Scalars['ID']['output'];
};

/** A user with its place in the list. */
export type UserEdge = {
  /**
   * Opaque; fits the same list in the same order.
   *
   * Access: ADMIN.
   */
  cursor: Scalars['String']['output'];
  /** Access: ADMIN. */
  node: User;
};

/** Conditions on users. All that are given must hold. */
export type UserFilter = {
  /** All of these must hold. At most 50 items. */
  and?: InputMaybe<Array<UserFilter>>;
  /** Registered before then. */
  createdBefore?: InputMaybe<Scalars['DateTime']['input']>;
  /** Registered then or later. */
  createdFrom?: InputMaybe<Scalars['DateTime']['input']>;
  /** The whole address. */
  email?: InputMaybe<Scalars['EmailAddress']['input']>;
  /** Whether the user can sign in. */
  isActive?: InputMaybe<Scalars['Boolean']['input']>;
  /** This must not hold. */
  not?: InputMaybe<UserFilter>;
  /** One of these must hold; of none, none does. At most 50 items. */
  or?: InputMaybe<Array<UserFilter>>;
  role?: InputMaybe<RoleName>;
  /** Part of the e-mail address or the name; case, accents, Unicode forms and outer blanks do not count. `%` and `_` stand for themselves. A blank text matches everybody. */
  search?: InputMaybe<Scalars['String']['input']>;
  /** One of these; of none, no account. A filter that names no state, at no level, leaves closed accounts out. */
  states?: InputMaybe<Array<AccountState>>;
};

/** An order of users. */
export type UserOrder = {
  direction: OrderDirection;
  field: UserOrderField;
};

/** What users can be ordered by; the id breaks ties. Names are in the order of their letters without case and accents, by code point. */
export type UserOrderField =
  | 'CREATED_AT'
  | 'EMAIL'
  | 'NAME'
  | 'UPDATED_AT';
