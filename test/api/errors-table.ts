import type { ErrorCode } from '../../src/errors.js';
import type { TestApp } from '../support/app.js';
import { fillTheQueue } from '../support/fill-the-queue.js';
import { sentToken } from '../support/links.js';
import { acknowledgementOf } from '../support/participants.js';
import {
  admin,
  ask,
  DELETE_USER,
  LOGIN,
  member,
  PASSWORD,
  REGISTER,
  REQUEST_EMAIL_CHANGE,
  REQUEST_PASSWORD_RESET,
} from '../support/people.js';

export interface Request {
  query: string;
  variables: Record<string, unknown>;
  token?: string;
  /** Ends what was arranged for the request. */
  answered?(): void;
}

/** How each field comes to fail with each of its codes, written by hand. */
export const FAILURES: Record<string, Partial<Record<ErrorCode, (app: TestApp) => Promise<Request>>>> = {
  'Query.node': {
    BAD_USER_INPUT: async (app) => ({
      query: 'query ($id: ID!) { node(id: $id) { id } }',
      variables: { id: 'nonsense' },
      token: (await admin(app)).token,
    }),
  },
  'Query.user': {
    BAD_USER_INPUT: async (app) => ({
      query: 'query ($id: ID!) { user(id: $id) { id } }',
      variables: { id: 'nonsense' },
      token: (await admin(app)).token,
    }),
  },
  'Query.users': {
    BAD_USER_INPUT: async (app) => ({
      query: '{ users(first: 0) { totalCount } }',
      variables: {},
      token: (await admin(app)).token,
    }),
  },
  'Mutation.register': {
    BAD_USER_INPUT: async () => register({ name: '' }),
    EMAIL_TAKEN: async (app) => register({ email: (await member(app)).email }),
    WEAK_PASSWORD: async () => register({ password: 'short' }),
    SERVICE_OVERLOADED: async (app) => {
      return { ...register({}), answered: fillTheQueue(app, '127.0.0.1') };
    },
  },
  'Mutation.login': {
    BAD_USER_INPUT: async () => login({ password: 'x'.repeat(5000) }),
    INVALID_CREDENTIALS: async () => login({}),
    ACCOUNT_DISABLED: async (app) => {
      const { id, email } = await member(app);
      await app.database.em.execute('update users set is_active = false where id = ?', [id]);
      return login({ email });
    },
    SERVICE_OVERLOADED: async (app) => {
      return { ...login({}), answered: fillTheQueue(app, '127.0.0.1') };
    },
  },
  'Mutation.changePassword': {
    BAD_USER_INPUT: (app) => changePassword(app, { newPassword: 'x'.repeat(1000) }),
    INVALID_CREDENTIALS: (app) => changePassword(app, { currentPassword: 'not the password' }),
    WEAK_PASSWORD: (app) => changePassword(app, { newPassword: 'short' }),
    SERVICE_OVERLOADED: async (app) => {
      const request = await changePassword(app, {});
      return { ...request, answered: fillTheQueue(app, '127.0.0.1') };
    },
  },
  'Mutation.verifyEmail': {
    INVALID_TOKEN: async () => ({
      query: 'mutation { verifyEmail(token: "x") { id } }',
      variables: {},
    }),
  },
  'Mutation.acknowledgeErasure': {
    INVALID_TOKEN: async () => acknowledgeErasure('x'),
    CONFLICT: async (app) => acknowledgeErasure(acknowledgementOf((await member(app)).id)),
  },
  'Mutation.requestEmailChange': {
    BAD_USER_INPUT: (app) => requestEmailChange(app, { password: 'x'.repeat(5000) }),
    INVALID_CREDENTIALS: (app) => requestEmailChange(app, { password: 'not the password' }),
    SERVICE_OVERLOADED: async (app) => {
      const request = await requestEmailChange(app, {});
      return { ...request, answered: fillTheQueue(app, '127.0.0.1') };
    },
  },
  'Mutation.confirmEmailChange': {
    INVALID_TOKEN: async () => confirmEmailChange('x'),
    EMAIL_TAKEN: async (app) => {
      const { email, ask } = await member(app);
      const newEmail = `new-${email}`;
      await ask(REQUEST_EMAIL_CHANGE, { newEmail });
      const token = await sentToken(app, newEmail, 'change-email');
      await member(app, { email: newEmail });
      return confirmEmailChange(token);
    },
  },
  'Mutation.resetPassword': {
    BAD_USER_INPUT: (app) => resetPassword(app, { newPassword: 'x'.repeat(1000) }),
    INVALID_TOKEN: (app) => resetPassword(app, { token: 'x' }),
    WEAK_PASSWORD: (app) => resetPassword(app, { newPassword: 'short' }),
    SERVICE_OVERLOADED: async (app) => {
      const request = await resetPassword(app, {});
      return { ...request, answered: fillTheQueue(app, '127.0.0.1') };
    },
  },
  'Mutation.updateProfile': {
    BAD_USER_INPUT: async (app) => ({
      query: 'mutation { updateProfile(input: { name: " " }) { id } }',
      variables: {},
      token: (await member(app)).token,
    }),
  },
  'Mutation.revokeSession': {
    BAD_USER_INPUT: async (app) => ({
      query: 'mutation { revokeSession(id: "x") { sessionsEnded } }',
      variables: {},
      token: (await member(app)).token,
    }),
  },
  'Mutation.setUserRole': {
    BAD_USER_INPUT: async (app) => setRole('x', (await admin(app)).token),
    NOT_FOUND: async (app) => setRole(NOBODY, (await admin(app)).token),
    LAST_ADMIN: async (app) => {
      const { id, token } = await onlyAdmin(app);
      return setRole(id, token);
    },
  },
  'Mutation.deactivateUser': {
    BAD_USER_INPUT: async (app) => ofUser('deactivateUser', 'x', (await admin(app)).token),
    NOT_FOUND: async (app) => ofUser('deactivateUser', NOBODY, (await admin(app)).token),
    LAST_ADMIN: async (app) => {
      const { id, token } = await onlyAdmin(app);
      return ofUser('deactivateUser', id, token);
    },
  },
  'Mutation.activateUser': {
    BAD_USER_INPUT: async (app) => ofUser('activateUser', 'x', (await admin(app)).token),
    NOT_FOUND: async (app) => ofUser('activateUser', NOBODY, (await admin(app)).token),
  },
  'Query.auditEvents': {
    BAD_USER_INPUT: async (app) => ({
      query: '{ auditEvents(first: 101) { nodes { id } } }',
      variables: {},
      token: (await admin(app)).token,
    }),
  },
  'User.auditTrail': {
    BAD_USER_INPUT: async (app) => ({
      query: '{ me { auditTrail(after: "x") { nodes { id } } } }',
      variables: {},
      token: (await admin(app)).token,
    }),
  },
  'Mutation.deleteUser': {
    BAD_USER_INPUT: async (app) => ({ query: DELETE_USER, variables: { id: 'x' }, token: (await admin(app)).token }),
    NOT_FOUND: async (app) => ({
      query: DELETE_USER,
      variables: { id: NOBODY },
      token: (await admin(app)).token,
    }),
    LAST_ADMIN: async (app) => {
      const { id, token } = await onlyAdmin(app);
      return { query: DELETE_USER, variables: { id }, token };
    },
    REAUTHENTICATION_REQUIRED: async (app) => {
      const { id, token, sessionId } = await member(app);
      await app.database.em.execute(`update sessions set created_at = now() - interval '1 day' where id = ?`, [
        sessionId,
      ]);
      return { query: DELETE_USER, variables: { id }, token };
    },
    INVALID_CREDENTIALS: (app) => deleteConfirmed(app, 'not the password'),
    SERVICE_OVERLOADED: async (app) => {
      const request = await deleteConfirmed(app, PASSWORD);
      return { ...request, answered: fillTheQueue(app, '127.0.0.1') };
    },
  },
  'Mutation.cancelUserDeletion': {
    BAD_USER_INPUT: async (app) => ofUser('cancelUserDeletion', 'x', (await admin(app)).token),
    NOT_FOUND: async (app) => ofUser('cancelUserDeletion', NOBODY, (await admin(app)).token),
    CONFLICT: async (app) => {
      const [root, ada] = [await admin(app), await member(app)];
      await root.ask(DELETE_USER, { id: ada.id });
      return ofUser('cancelUserDeletion', ada.id, root.token);
    },
  },
  'Query.userDeletion': {
    BAD_USER_INPUT: async (app) => ({
      query: 'query ($id: ID!) { userDeletion(id: $id) { status } }',
      variables: { id: 'x' },
      token: (await admin(app)).token,
    }),
  },
};

const NOBODY = '01900000-0000-7000-8000-000000000000';

async function deleteConfirmed(app: TestApp, password: string): Promise<Request> {
  const { id, token } = await member(app);
  const query = 'mutation ($id: ID!, $password: String!) { deleteUser(id: $id, password: $password) { id } }';
  return { query, variables: { id, password }, token };
}

const ofUser = (name: string, id: string, token: string): Request => ({
  query: `mutation ($id: ID!) { ${name}(id: $id) { id } }`,
  variables: { id },
  token,
});

const register = (change: object): Request => ({
  query: REGISTER,
  variables: { input: { email: 'somebody@example.com', password: PASSWORD, name: 'Somebody', ...change } },
});

const login = (change: object): Request => ({
  query: LOGIN,
  variables: { input: { email: 'nobody@example.com', password: PASSWORD, ...change } },
});

const changePassword = async (app: TestApp, change: object): Promise<Request> => ({
  query: 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }',
  variables: { input: { currentPassword: PASSWORD, newPassword: `another ${PASSWORD}`, ...change } },
  token: (await member(app)).token,
});

const requestEmailChange = async (app: TestApp, variables: object): Promise<Request> => ({
  query: REQUEST_EMAIL_CHANGE,
  variables: { newEmail: 'another@example.com', ...variables },
  token: (await member(app)).token,
});

const acknowledgeErasure = (acknowledgement: string): Request => ({
  query: 'mutation ($acknowledgement: String!) { acknowledgeErasure(acknowledgement: $acknowledgement) { userId } }',
  variables: { acknowledgement },
});

const confirmEmailChange = (token: string): Request => ({
  query: 'mutation ($token: String!) { confirmEmailChange(token: $token) { id } }',
  variables: { token },
});

async function resetPassword(app: TestApp, change: object): Promise<Request> {
  const { email } = await member(app);
  await ask(app, REQUEST_PASSWORD_RESET, { email });
  return {
    query: 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { accessToken } }',
    variables: {
      input: {
        token: await sentToken(app, email, 'reset-password'),
        newPassword: `another ${PASSWORD}`,
        ...change,
      },
    },
  };
}

const setRole = (id: string, token: string): Request => ({
  query: 'mutation ($id: ID!) { setUserRole(id: $id, role: MEMBER) { id } }',
  variables: { id },
  token,
});

async function onlyAdmin(app: TestApp) {
  const last = await admin(app);
  await app.database.em.execute(
    `update users set is_active = false where id <> ? and role_id = (select id from roles where name = 'ADMIN')`,
    [last.id],
  );
  return last;
}
