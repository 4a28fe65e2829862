import { type Answer, freshEmail, LOGIN, PASSWORD, type Person, REGISTER, signIn } from '../test/support/people.js';
import type { ApiProcess } from '../test/support/processes.js';
import type { Instances } from './instances.js';

const PREPARED_AT_ONCE = 10;
const READ_USER = 'query ($id: ID!) { user(id: $id) { id } }';

/** Whose token reads a user until `revoke` is done. */
export interface Victim {
  token: string;
  subjectId: string;
  revoke(): Promise<Answer>;
  /** Of the row with which the revocation is committed. */
  committed: { table: 'sessions' | 'users'; id: string };
}

/**
 * Whether the token still reads its user.
 * @throws for an answer that is neither that nor a refusal because of the revocation.
 */
export async function probe(api: ApiProcess, { token, subjectId }: Victim): Promise<boolean> {
  const { errors, text } = await api.ask(READ_USER, { id: subjectId }, token);
  const isRefusal = ({ extensions: { code, reason } }: Answer['errors'][number]) =>
    code === 'FORBIDDEN' || reason === 'REVOKED';
  if (errors.every(isRefusal)) return errors.length === 0;
  throw new Error(`neither accepted nor refused: ${text}`);
}

/** People whom the other instance knows, from its cache, to be let in; all ways to revoke in turn. */
export async function prepare({ one, other }: Instances, count: number): Promise<Victim[]> {
  const ways = waysToRevoke(one, await signIn(one));
  const victims: Victim[] = [];
  while (victims.length < count) {
    const size = Math.min(PREPARED_AT_ONCE, count - victims.length);
    const batch = Array.from({ length: size }, async (_, index) => {
      const way = ways[(victims.length + index) % ways.length] as (typeof ways)[number];
      const victim = await way(await somebody(one));
      for (const api of [other, one]) if (!(await probe(api, victim))) throw new Error('refused before it was revoked');
      return victim;
    });
    victims.push(...(await Promise.all(batch)));
  }
  return victims;
}

/** Somebody with two sessions: `token` and `sessionId` are of the first. */
async function somebody(api: ApiProcess) {
  const input = { email: freshEmail(), password: PASSWORD };
  const { register } = (await api.ask(REGISTER, { input: { ...input, name: 'Ada' } })).data;
  const { login } = (await api.ask(LOGIN, { input })).data;
  return {
    id: String(register.user.id),
    sessionId: String(register.session.id),
    token: String(register.accessToken),
    second: String(login.accessToken),
  };
}

type Somebody = Awaited<ReturnType<typeof somebody>>;

function waysToRevoke({ ask }: ApiProcess, admin: Person): ((user: Somebody) => Victim | Promise<Victim>)[] {
  const ofSession =
    (revoke: (user: Somebody) => Promise<Answer>) =>
    (user: Somebody): Victim => ({
      token: user.token,
      subjectId: user.id,
      revoke: () => revoke(user),
      committed: { table: 'sessions', id: user.sessionId },
    });
  const setRole = ({ id }: Somebody, role: 'ADMIN' | 'MEMBER') => ask(SET_ROLE, { id, role }, admin.token);
  return [
    ofSession(({ sessionId, second }) => ask(REVOKE_SESSION, { id: sessionId }, second)),
    ofSession(({ token }) => ask('mutation { logout { sessionsEnded } }', {}, token)),
    ofSession(({ second }) => ask('mutation { logoutEverywhere { sessionsEnded } }', {}, second)),
    ofSession(({ second }) => ask(CHANGE_PASSWORD, { input: PASSWORDS }, second)),
    ofSession(({ id }) => ask('mutation ($id: ID!) { deleteUser(id: $id) { id } }', { id }, admin.token)),
    // An admin who reads somebody else, until they are an admin no more.
    async (user) => {
      await setRole(user, 'ADMIN');
      return {
        token: user.token,
        subjectId: admin.id,
        revoke: () => setRole(user, 'MEMBER'),
        committed: { table: 'users', id: user.id },
      };
    },
  ];
}

const SET_ROLE = 'mutation ($id: ID!, $role: RoleName!) { setUserRole(id: $id, role: $role) { id } }';
const REVOKE_SESSION = 'mutation ($id: ID!) { revokeSession(id: $id) { sessionsEnded } }';
const CHANGE_PASSWORD = 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }';
const PASSWORDS = { currentPassword: PASSWORD, newPassword: 'a quite different one' };
