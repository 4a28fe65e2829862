import type { ErrorCode } from '../../src/errors.js';
import type { TestApp } from '../support/app.js';
import { admin, DELETE_USER, LOGIN, member, PASSWORD, REGISTER } from '../support/people.js';

export interface Request {
  query: string;
  variables: Record<string, unknown>;
  token?: string;
}

/** How each field comes to fail with each of its codes, written by hand. */
export const FAILURES: Record<string, Partial<Record<ErrorCode, (app: TestApp) => Promise<Request>>>> = {
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
      fillTheQueue(app);
      return register({});
    },
  },
  'Mutation.login': {
    BAD_USER_INPUT: async () => login({ password: 'x'.repeat(1000) }),
    INVALID_CREDENTIALS: async () => login({}),
    ACCOUNT_DISABLED: async (app) => {
      const { id, email } = await member(app);
      await app.database.em.execute('update users set is_active = false where id = ?', [id]);
      return login({ email });
    },
    SERVICE_OVERLOADED: async (app) => {
      fillTheQueue(app);
      return login({});
    },
  },
  'Mutation.deleteUser': {
    BAD_USER_INPUT: async (app) => ({ query: DELETE_USER, variables: { id: 'x' }, token: (await admin(app)).token }),
    NOT_FOUND: async (app) => ({
      query: DELETE_USER,
      variables: { id: '01900000-0000-7000-8000-000000000000' },
      token: (await admin(app)).token,
    }),
    LAST_ADMIN: async (app) => {
      const { id, token } = await admin(app);
      await app.database.em.execute(
        `update users set is_active = false where id <> ? and role_id = (select id from roles where name = 'ADMIN')`,
        [id],
      );
      return { query: DELETE_USER, variables: { id }, token };
    },
  },
};

const register = (change: object): Request => ({
  query: REGISTER,
  variables: { input: { email: 'somebody@example.com', password: PASSWORD, name: 'Somebody', ...change } },
});

const login = (change: object): Request => ({
  query: LOGIN,
  variables: { input: { email: 'nobody@example.com', password: PASSWORD, ...change } },
});

/** More hashes than may wait. They end by themselves, and those that find no place fail as they should. */
function fillTheQueue({ passwords }: TestApp): void {
  for (let waiting = 0; waiting < 110; waiting += 1) passwords.hash(PASSWORD).catch(() => undefined);
}
