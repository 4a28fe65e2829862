import { createHash } from 'node:crypto';

export const WORKLOADS = {
  typename: '`{ __typename }`',
  me: '`me`',
  userWarm: '`user`, the same one',
  userCold: '`user`, each time another',
  usersWarm: '`users(first: 20)`',
  usersCold: '`users(first: 20)`, in no cache',
  usersDeep: '`users(first: 20)`, page 1,000',
  refresh: '`refresh`',
  login: '`login`',
  register: '`register`',
  mixed: '90 `me`, 8 `refresh`, 2 `login`',
} as const;
export type WorkloadName = keyof typeof WORKLOADS;

/** One request of a workload. */
export interface Sent {
  method: 'GET' | 'POST';
  path: string;
  headers?: Record<string, string>;
  body?: string;
  /** Reads what a later request needs of the answer. */
  onAnswer?(body: string): void;
}

export interface Workload {
  /** The request of its `turn`, which counts from 0 over all rounds. */
  next(turn: number): Sent;
  /** What each answer must contain. */
  holds: string;
}

/** A server that is measured, and those of the workloads that it has. */
export interface Target {
  name: string;
  url: string;
  workloads: Partial<Record<WorkloadName, Workload>>;
  /**
   * Signs in before each measurement: an access token lives for 15 minutes, and the login waits behind those that the
   * measurement before gave up.
   */
  signIn?(): Promise<void>;
}

/** The people of a database; `me` is the admin who asks. */
export interface People {
  me: string;
  ids: string[];
  emails: string[];
  password: string;
}

export const post = (path: string, body: object, headers: Record<string, string> = {}): Sent => ({
  method: 'POST',
  path,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

export const graphql = (query: string, variables = {}, headers?: Record<string, string>): Sent =>
  post('/graphql', { query, variables }, headers);

export const at = <T>(list: readonly T[], turn: number): T => list[turn % list.length] as T;

const USER = 'id email name role { name }';
const PAGE = `nodes { ${USER} } pageInfo { hasNextPage endCursor }`;
const READ_USER = `query ($id: ID!) { user(id: $id) { ${USER} } }`;
export const USERS = `query ($after: String) { users(first: 20, after: $after) { ${PAGE} } }`;
const FILTERED_USERS = `query ($filter: UserFilter) { users(first: 20, filter: $filter) { ${PAGE} } }`;
const TYPENAME = { next: () => graphql('{ __typename }'), holds: '{"data":{"__typename":"Query"}}' };
const NODE = '"role":{"name":"MEMBER"}';

const ME = `{ me { ${USER} } }`;

/** What a front end that reads would put into its manifest. */
const TRUSTED = ['{ __typename }', ME, READ_USER, USERS, FILTERED_USERS];
const HASHES = new Map(TRUSTED.map((text) => [text, createHash('sha256').update(text).digest('hex')]));

/** The manifest in Relay's form: texts by their hashes. */
export const manifest = () => JSON.stringify(Object.fromEntries([...HASHES].map(([text, hash]) => [hash, text])));

/**
 * Reads of `gatehouse` with hashes in the place of their documents. Not a user that is read for the first time: this
 * server shares its cache with another one.
 */
export function byHash(workloads: Target['workloads']): Target['workloads'] {
  const { typename, me, userWarm, usersWarm, usersCold, usersDeep } = workloads;
  const reads = { typename, me, userWarm, usersWarm, usersCold, usersDeep };
  return Object.fromEntries(Object.entries(reads).map(([name, workload]) => [name, workload && hashed(workload)]));
}

function hashed({ next, holds }: Workload): Workload {
  return {
    holds,
    next(turn) {
      const { body = '', ...sent } = next(turn);
      const { query, variables } = JSON.parse(body);
      return { ...sent, body: JSON.stringify({ documentId: HASHES.get(query), variables }) };
    },
  };
}

/** A server with the same fields and without rules. */
export function withoutRules(people: People, deep: string) {
  const { me, ids } = people;
  return {
    typename: TYPENAME,
    me: { next: () => graphql(ME), holds: `"id":"${me}"` },
    userWarm: { next: () => graphql(READ_USER, { id: ids[0] }), holds: `"id":"${ids[0]}"` },
    userCold: { next: (turn: number) => graphql(READ_USER, { id: at(ids, turn) }), holds: NODE },
    usersWarm: { next: () => graphql(USERS), holds: '"hasNextPage":true' },
    // It has no cache: all its pages are read from the database.
    usersCold: { next: () => graphql(USERS), holds: '"hasNextPage":true' },
    usersDeep: { next: () => graphql(USERS, { after: deep }), holds: NODE },
  } satisfies Target['workloads'];
}

export interface SignedIn {
  /** Of the admin; a new one for each measurement. */
  token: string;
  /** Of as many sessions as there are connections, or more. */
  refreshTokens: string[];
}

/** Gatehouse, all rules and limits on. */
export function gatehouse(people: People, signedIn: SignedIn, deep: string): Target['workloads'] {
  const { refreshTokens } = signedIn;
  const read = (query: string, variables = {}) =>
    graphql(query, variables, { authorization: `Bearer ${signedIn.token}` });
  const me = () => read(ME);
  const user = (id: string | undefined) => read(READ_USER, { id });
  const login = (turn: number) => {
    const input = { email: at(people.emails, turn), password: people.password };
    return graphql('mutation ($input: LoginInput!) { login(input: $input) { accessToken } }', { input });
  };
  const inFlight = new Set<string>();
  const refresh = (): Sent => {
    // The answers to the last requests of a round are lost: their tokens may be tried again.
    if (refreshTokens.length === 0) refreshTokens.push(...inFlight);
    const refreshToken = refreshTokens.shift() ?? '';
    inFlight.add(refreshToken);
    const query = 'mutation ($input: RefreshInput!) { refresh(input: $input) { refreshToken } }';
    return {
      ...graphql(query, { input: { refreshToken } }),
      onAnswer(body) {
        inFlight.delete(refreshToken);
        refreshTokens.push(JSON.parse(body).data.refresh.refreshToken);
      },
    };
  };
  return {
    typename: TYPENAME,
    me: { next: me, holds: `"id":"${people.me}"` },
    userWarm: { next: () => user(people.ids[0]), holds: `"id":"${people.ids[0]}"` },
    userCold: { next: (turn) => user(at(people.ids, turn)), holds: NODE },
    usersWarm: { next: () => read(USERS), holds: '"hasNextPage":true' },
    usersCold: {
      next(turn) {
        const filter = { createdBefore: new Date(Date.now() + 60_000 + turn).toISOString() };
        return read(FILTERED_USERS, { filter });
      },
      holds: '"hasNextPage":true',
    },
    usersDeep: { next: () => read(USERS, { after: deep }), holds: NODE },
    mixed: {
      next: (turn) => (turn % 50 === 0 ? login(turn) : turn % 50 <= 4 ? refresh() : me()),
      holds: '{"data":{"',
    },
    refresh: { next: refresh, holds: '"refreshToken":"' },
    login: { next: login, holds: '"accessToken":"' },
    register: {
      next(turn) {
        const input = { email: `new-${Date.now()}-${turn}@example.com`, password: people.password, name: 'Ada' };
        return graphql('mutation ($input: RegisterInput!) { register(input: $input) { user { id } } }', { input });
      },
      holds: '{"data":{"register":{"user":{"id":"',
    },
  };
}

/** PostGraphile takes its names from the tables. */
export function postgraphile(people: People, after: string): Target['workloads'] {
  const user = 'rowId email name roleByRoleId { name }';
  const one = (id: string | undefined) => graphql(`query ($id: UUID!) { userByRowId(rowId: $id) { ${user} } }`, { id });
  const page = `nodes { ${user} } pageInfo { hasNextPage endCursor }`;
  const many = `query ($after: Cursor) {
    allUsers(first: 20, after: $after, orderBy: [CREATED_AT_DESC, PRIMARY_KEY_DESC]) { ${page} }
  }`;
  const role = '"roleByRoleId":{"name":"MEMBER"}';
  return {
    typename: TYPENAME,
    userWarm: { next: () => one(people.ids[0]), holds: `"rowId":"${people.ids[0]}"` },
    userCold: { next: (turn) => one(at(people.ids, turn)), holds: role },
    usersWarm: { next: () => graphql(many), holds: '"hasNextPage":true' },
    usersCold: { next: () => graphql(many), holds: '"hasNextPage":true' },
    usersDeep: { next: () => graphql(many, { after }), holds: role },
  };
}

const NIL = '00000000-0000-0000-0000-000000000000';

/** A layered service over HTTP without GraphQL, with a cache. */
export function fastapi(people: People, signedIn: { token: string }, deep: string): Target['workloads'] {
  const get = (path: string): Sent => ({
    method: 'GET',
    path: `/users${path}`,
    headers: { authorization: `Bearer ${signedIn.token}` },
  });
  return {
    me: { next: () => get('/me'), holds: `"id": "${people.me}"` },
    userWarm: { next: () => get(`/${people.ids[0]}`), holds: `"id": "${people.ids[0]}"` },
    userCold: { next: (turn) => get(`/${at(people.ids, turn)}`), holds: '"role": {"name": "MEMBER"}' },
    usersWarm: { next: () => get('?first=20'), holds: '"hasNextPage": true' },
    // From a place before all users, and each time another one.
    usersCold: {
      next: (turn) => get(`?first=20&after=${fastapiCursor(Date.now() / 1000 + 60 + turn, NIL)}`),
      holds: '"hasNextPage": true',
    },
    usersDeep: { next: () => get(`?first=20&after=${deep}`), holds: '"role": {"name": "MEMBER"}' },
    login: loginAt('/login', people, '"access_token":"'),
    register: registerAt('/register', people, '"id":"'),
  };
}

/** A place in its list; the time is in seconds. */
export const fastapiCursor = (createdAt: number | string, id: string) =>
  encodeURIComponent(Buffer.from(`${createdAt} ${id}`).toString('base64'));

const loginAt = (path: string, { emails, password }: People, holds: string): Workload => ({
  next: (turn) => post(path, { email: at(emails, turn), password }),
  holds,
});

const registerAt = (path: string, { password }: People, holds: string): Workload => ({
  next: (turn) => post(path, { email: `new-${Date.now()}-${turn}@example.com`, password, name: 'Ada' }),
  holds,
});

/** better-auth, over HTTP without GraphQL: it reads the session for each request; its users have their role as a text. */
export function betterAuth(people: People, token: string): Target['workloads'] {
  const headers = { authorization: `Bearer ${token}` };
  const get = (path: string): Sent => ({ method: 'GET', path: `/api/auth${path}`, headers });
  const list = { next: () => get('/admin/list-users?limit=20'), holds: '"limit":20' };
  return {
    me: { next: () => get('/get-session'), holds: '"role":"admin"' },
    userCold: { next: (turn) => get(`/admin/get-user?id=${at(people.ids, turn)}`), holds: '"role":"user"' },
    usersWarm: list,
    usersCold: list,
    login: loginAt('/api/auth/sign-in/email', people, '"token":"'),
    register: registerAt('/api/auth/sign-up/email', people, '"token":"'),
  };
}
