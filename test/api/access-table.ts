/**
 * Who gets what, written by hand: a rule that changes in the schema must change here too.
 * `+` allowed, `F` FORBIDDEN, and UNAUTHENTICATED with the reason M(issing), E(xpired) or R(evoked).
 */
export const VIEWERS = [
  'nobody',
  'expired token',
  'deleted user',
  'member, on self',
  'member, on another',
  'admin',
  'demoted admin',
] as const;
export type ViewerKind = (typeof VIEWERS)[number];

const PUBLIC = '+ + + + + + +';
const SIGNED_IN = 'M E R + + + +';
const SELF_OR_ADMIN = 'M E R + F + F';
const ADMIN = 'M E R F F + F';

export const ACCESS_TABLE: Record<string, string> = {
  'Query.me': PUBLIC,
  'Query.user': SELF_OR_ADMIN,
  'Query.users': ADMIN,
  'Query.roles': ADMIN,
  'Mutation.register': PUBLIC,
  'Mutation.login': PUBLIC,
  'Mutation.deleteUser': SELF_OR_ADMIN,
  'Mutation.refresh': PUBLIC,
  'Mutation.logout': SIGNED_IN,
  'Mutation.logoutEverywhere': SIGNED_IN,
  'Mutation.revokeSession': SIGNED_IN,
  'Mutation.changePassword': SIGNED_IN,
  'Mutation.updateProfile': SIGNED_IN,
  'Mutation.requestEmailVerification': SIGNED_IN,
  'Mutation.verifyEmail': PUBLIC,
  'Mutation.requestEmailChange': SIGNED_IN,
  'Mutation.confirmEmailChange': PUBLIC,
  'Mutation.requestPasswordReset': PUBLIC,
  'Mutation.resetPassword': PUBLIC,
  'Mutation.setUserRole': ADMIN,
  'AuthPayload.accessToken': PUBLIC,
  'AuthPayload.accessTokenExpiresAt': PUBLIC,
  'AuthPayload.refreshToken': PUBLIC,
  'AuthPayload.session': PUBLIC,
  'AuthPayload.user': PUBLIC,
  'LogoutPayload.sessionsEnded': SIGNED_IN,
  'RequestAccepted.accepted': PUBLIC,
  'Session.id': SELF_OR_ADMIN,
  'Session.createdAt': SELF_OR_ADMIN,
  'Session.lastUsedAt': SELF_OR_ADMIN,
  'Session.expiresAt': SELF_OR_ADMIN,
  'Session.userAgent': SELF_OR_ADMIN,
  'Session.ipAddress': SELF_OR_ADMIN,
  'Session.current': SELF_OR_ADMIN,
  'User.id': SELF_OR_ADMIN,
  'User.email': SELF_OR_ADMIN,
  'User.name': SELF_OR_ADMIN,
  'User.role': SELF_OR_ADMIN,
  'User.isActive': SELF_OR_ADMIN,
  'User.emailVerified': SELF_OR_ADMIN,
  'User.createdAt': SELF_OR_ADMIN,
  'User.updatedAt': SELF_OR_ADMIN,
  'User.deletedAt': ADMIN,
  'User.sessions': SELF_OR_ADMIN,
  'Role.id': SELF_OR_ADMIN,
  'Role.name': SELF_OR_ADMIN,
  'Role.description': SELF_OR_ADMIN,
  'DeleteUserPayload.id': SELF_OR_ADMIN,
  'DeleteUserPayload.deletedAt': SELF_OR_ADMIN,
  'UserConnection.edges': ADMIN,
  'UserConnection.nodes': ADMIN,
  'UserConnection.pageInfo': ADMIN,
  'UserConnection.totalCount': ADMIN,
  'UserEdge.cursor': ADMIN,
  'UserEdge.node': ADMIN,
  'PageInfo.hasNextPage': ADMIN,
  'PageInfo.hasPreviousPage': ADMIN,
  'PageInfo.startCursor': ADMIN,
  'PageInfo.endCursor': ADMIN,
};

/** The operation through which a type's fields are reached; `FIELD` is the field with its selection. A subject is in `$id`. */
export const WAYS: Record<string, string> = {
  Query: '{ FIELD }',
  Mutation: 'mutation { FIELD }',
  User: 'query ($id: ID!) { user(id: $id) { FIELD } }',
  Role: 'query ($id: ID!) { user(id: $id) { role { FIELD } } }',
  AuthPayload: 'mutation ($input: LoginInput!) { login(input: $input) { FIELD } }',
  DeleteUserPayload: 'mutation ($id: ID!) { deleteUser(id: $id) { FIELD } }',
  Session: 'query ($id: ID!) { user(id: $id) { sessions { FIELD } } }',
  LogoutPayload: 'mutation { logout { FIELD } }',
  RequestAccepted: 'mutation { requestPasswordReset(email: "ada@example.com") { FIELD } }',
  UserConnection: '{ users(first: 1) { FIELD } }',
  UserEdge: '{ users(first: 1) { edges { FIELD } } }',
  PageInfo: '{ users(first: 1) { pageInfo { FIELD } } }',
};
