import { randomUUID } from 'node:crypto';
import { createAdmin } from '../../src/account/first-admin.js';
import type { TestApp } from './app.js';

export interface GraphQLErrorBody {
  message: string;
  path?: (string | number)[];
  extensions: { code: string; [key: string]: unknown };
}

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: answers have as many shapes as there are queries
  data: any;
  errors: GraphQLErrorBody[];
  text: string;
}

export interface Person {
  id: string;
  email: string;
  password: string;
  name: string;
  token: string;
  refreshToken: string;
  sessionId: string;
  ask(query: string, variables?: Record<string, unknown>): Promise<Answer>;
}

export const PASSWORD = 'correct horse battery';

/** Sends one request over HTTP. */
export async function ask(
  { url }: Pick<TestApp, 'url'>,
  query: string,
  variables: Record<string, unknown> = {},
  token?: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }), ...headers },
    body: JSON.stringify({ query, variables }),
  });
  return answerOf(response);
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const { data, errors = [] } = JSON.parse(text);
  return { status: response.status, headers: response.headers, data, errors, text };
}

export const REGISTER =
  'mutation ($input: RegisterInput!) { register(input: $input) { accessToken refreshToken session { id } user { id email } } }';
export const LOGIN =
  'mutation ($input: LoginInput!) { login(input: $input) { accessToken refreshToken session { id } user { id email name } } }';
export const REQUEST_PASSWORD_RESET =
  'mutation ($email: EmailAddress!) { requestPasswordReset(email: $email) { accepted } }';
export const REQUEST_EMAIL_CHANGE = `mutation ($newEmail: EmailAddress!, $password: String = "${PASSWORD}") {
  requestEmailChange(input: { newEmail: $newEmail, password: $password }) { accepted }
}`;
export const DELETE_USER = 'mutation ($id: ID!) { deleteUser(id: $id) { id deletedAt } }';

/** Digits alone: a test that searches for a name must not find it in somebody's address. */
export const freshEmail = () => `u${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}@example.com`;

/** The admin of development. */
export const ADMIN = { email: 'admin@example.com', password: 'admin1234' };

/** What is asked: an API in this process or in another one. */
type Api = Pick<TestApp, 'url'>;

/** Registers somebody new, through the public door. */
export async function member(api: Api, { email = freshEmail(), name = 'Ada Lovelace' } = {}): Promise<Person> {
  const { data, text } = await ask(api, REGISTER, { input: { email, password: PASSWORD, name } });
  if (!data?.register) throw new Error(`register failed: ${text}`);
  return person(api, { ...data.register, password: PASSWORD, name });
}

/** The same for many, some at once: the queue for hashes takes no more from one network. */
export async function members(api: Api, count: number, { name }: { name?: string } = {}): Promise<Person[]> {
  const people: Person[] = [];
  while (people.length < count) {
    const atOnce = Math.min(30, count - people.length);
    people.push(...(await Promise.all(Array.from({ length: atOnce }, () => member(api, { name })))));
  }
  return people;
}

/** Somebody who has an account, signed in through the public door. */
export async function signIn(api: Api, { email, password } = ADMIN): Promise<Person> {
  const { data, text } = await ask(api, LOGIN, { input: { email, password } });
  if (!data?.login) throw new Error(`login failed: ${text}`);
  return person(api, { ...data.login, password, name: data.login.user.name });
}

/** A new admin, made as the command line makes one, signed in through the public door. */
export async function admin(app: TestApp): Promise<Person> {
  const email = freshEmail();
  await createAdmin(app.services.audit, app.passwords, { email, password: PASSWORD });
  const signedIn = await signIn(app, { email, password: PASSWORD });
  await app.cache.invalidate('users');
  return signedIn;
}

interface Payload {
  accessToken: string;
  refreshToken: string;
  session: { id: string };
  user: { id: string; email: string };
  password: string;
  name: string;
}

function person(api: Api, { accessToken: token, refreshToken, session, user, password, name }: Payload): Person {
  const { id, email } = user;
  const asks: Person['ask'] = (query, variables) => ask(api, query, variables, token);
  return { id, email, password, name, token, refreshToken, sessionId: session.id, ask: asks };
}

/** The codes of an answer's errors, in their order. */
export const codes = ({ errors }: Answer) => errors.map(({ extensions }) => extensions.code);

/** Of a session that has not ended. */
export function expiredToken({ tokens }: TestApp, { id, sessionId }: Pick<Person, 'id' | 'sessionId'>): string {
  const hourAgo = new Date(Date.now() - 3_600_000);
  return tokens.issue(id, { id: sessionId, expiresAt: new Date() }, hourAgo).accessToken;
}
