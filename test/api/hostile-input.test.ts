// No input leads to an internal error or is repeated in an answer; hostile values are sent at every place of every
// operation.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isRequiredArgument } from 'graphql';
import { ERROR_CODES } from '../../src/errors.js';
import { createSchema } from '../../src/schema.js';
import { describeApi, type TestApp } from '../support/app.js';
import { damaged } from '../support/damaged.js';
import { CANARY, hostileTo, type Known, ODD_HEADERS, placesOf, valuesOf } from '../support/hostile.js';
import { sentToken } from '../support/links.js';
import { bodyOf, FORMS, type Form, fieldsWithArguments, type Way } from '../support/operations.js';
import {
  type Answer,
  admin,
  answerOf,
  ask,
  codes,
  member,
  PASSWORD,
  type Person,
  REQUEST_EMAIL_CHANGE,
  REQUEST_PASSWORD_RESET,
} from '../support/people.js';

/** For each field that takes arguments. */
const RUNS = Number(process.env.HOSTILE_RUNS ?? 30);
const SEED = Number(process.env.HOSTILE_SEED ?? Date.now() % 2 ** 31);

const RESET = `mutation ($t: String!) { resetPassword(input: { token: $t, newPassword: "another ${PASSWORD}" }) { accessToken } }`;

describeApi('hostile input', (app) => {
  let cases = 0;
  let internalErrors = 0;
  let viewers: Record<string, Person | null>;
  let tokens: Tokens;
  let known: Known;

  beforeAll(async () => {
    await renew();
    tokens = await tokensOf(app(), await admin(app()));
    known = await knownTo(app(), await tokensOf(app(), await admin(app())));
  });
  afterAll(
    () =>
      void process.stdout.write(`hostile input, seed ${SEED}: ${cases} cases run, internal errors ${internalErrors}\n`),
  );

  /** Whom the last case signed out, closed or demoted. */
  async function renew() {
    viewers = { admin: await admin(app()), member: await member(app()), nobody: null };
  }

  async function send(init: RequestInit & { path?: string }, token?: string): Promise<Answer> {
    cases += 1;
    const response = await fetch(`${app().url}${init.path ?? '/graphql'}`, {
      method: 'POST',
      ...init,
      headers: {
        'content-type': 'application/json',
        ...(token && { authorization: `Bearer ${token}` }),
        ...init.headers,
      },
    });
    return answerOf(response);
  }

  /** A refusal is ours, says nothing of what was sent, and is short. */
  function expectContract({ status, errors, text }: Answer, sent: string) {
    const codes = errors.map(({ extensions }) => extensions.code);
    const faults = codes.filter((code) => code === 'INTERNAL_SERVER_ERROR' || !Object.hasOwn(ERROR_CODES, code));
    internalErrors += faults.length;
    const isEchoed = JSON.stringify(errors).includes(CANARY);
    if (status < 500 && faults.length === 0 && !isEchoed && text.length < 200_000) return;
    throw new Error(`${sent.slice(0, 1_000)}\nwas answered with ${status} ${text.slice(0, 1_000)}`);
  }

  async function tryOut(way: Way, values: Record<string, unknown>, form: Form, viewer: string) {
    const body = bodyOf(way, values, form);
    const answer = await send({ body }, viewers[viewer]?.token);
    expectContract(answer, body);
    if (way.kind === 'mutation' && answer.errors.length === 0) await renew();
  }

  const WAYS = fieldsWithArguments(createSchema()).map((way) => [way.name, way] as const);

  test.each(WAYS)(
    '%s takes or refuses each hostile value at each place of its arguments (A13, A25, A33)',
    async (_, way) => {
      for (const { type, put } of placesOf(way.field.args, known)) {
        for (const [turn, value] of hostileTo(type, known).entries()) {
          await tryOut(way, put(value), FORMS[turn % FORMS.length] ?? 'variables', 'admin');
        }
      }
    },
  );

  test.each(WAYS)('%s takes or refuses hostile values in any combination, whoever asks', async (_, way) => {
    const model = Object.fromEntries(way.field.args.map(({ name, type }) => [name, valuesOf(type, known)]));
    const requiredKeys = way.field.args.filter(isRequiredArgument).map(({ name }) => name);
    const [values, form] = [fc.record(model, { requiredKeys }), fc.constantFrom(...FORMS)];
    await fc.assert(
      fc.asyncProperty(values, form, fc.constantFrom('admin', 'member', 'nobody'), (...given) => tryOut(way, ...given)),
      { seed: SEED, numRuns: RUNS, endOnFailure: true },
    );
  });

  test.each<[string, keyof Tokens, string]>([
    ['an access token', 'access', ''],
    ['a refresh token', 'refresh', 'mutation ($t: String!) { refresh(input: { refreshToken: $t }) { accessToken } }'],
    ['a link that verifies an address', 'verify', 'mutation ($t: String!) { verifyEmail(token: $t) { id } }'],
    ['a link that changes an address', 'change', 'mutation ($t: String!) { confirmEmailChange(token: $t) { id } }'],
    ['a link for a new password', 'reset', RESET],
    ['a cursor of users', 'users', 'query ($t: String!) { users(after: $t) { pageInfo { endCursor } } }'],
    [
      'a cursor of users by name',
      'byName',
      'query ($t: String!) { users(last: 2, before: $t, orderBy: {field: NAME, direction: ASC}) { totalCount } }',
    ],
    ['a cursor of events', 'audit', 'query ($t: String!) { auditEvents(after: $t) { nodes { id } } }'],
    ["a cursor of somebody's events", 'audit', 'query ($t: String!) { me { auditTrail(after: $t) { nodes { id } } } }'],
  ])('%s counts with all of its bits only', async (_, kind, query) => {
    const token = tokens[kind];
    const isSignIn = kind === 'access';
    const tried = isSignIn ? damaged(token).filter((text) => isHeader(`Bearer ${text}`)) : damaged(token);
    for (const some of chunks(tried, 8)) {
      await Promise.all(
        some.map(async (text) => {
          const body = JSON.stringify(isSignIn ? { query: '{ roles { id } }' } : { query, variables: { t: text } });
          const answer = await send({ body }, isSignIn ? text : viewers.admin?.token);
          expectContract(answer, body);
          expect([text, answer.errors.length]).toEqual([text, 1]);
        }),
      );
    }

    const body = JSON.stringify(isSignIn ? { query: '{ roles { id } }' } : { query, variables: { t: token } });
    expect((await send({ body }, isSignIn ? token : viewers.admin?.token)).errors).toEqual([]);
  });

  test('headers of odd shapes never fail with an internal error', async () => {
    for (const [name, value] of ODD_HEADERS) {
      const body = JSON.stringify({ query: '{ me { id } }' });
      const answer = await send({ body, headers: { [name]: value } });
      expectContract(answer, `${name}: ${value}`);
    }
  });

  test('what a GET asks for never fails with an internal error', async () => {
    const parts = ['query', 'variables', 'operationName', 'extensions'];
    const texts = fc.oneof(
      fc.constantFrom(
        '',
        '{',
        '[]',
        '{}',
        'null',
        '"x"',
        '5',
        '{"id":1e400}',
        '\0',
        '{__typename}',
        'query A{__typename}',
        'A',
      ),
      fc.constantFrom(
        '{"persistedQuery":{}}',
        '{"persistedQuery":{"version":1,"sha256Hash":{"a":[]}}}',
        '{"persistedQuery":1}',
      ),
      fc.constantFrom(
        `{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
        'subscription { __typename }',
        'mutation { logout { sessionsEnded } }',
      ),
      fc.string({ unit: 'binary', maxLength: 40 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom(...parts), texts), { maxLength: 5 }), async (given) => {
        const search = new URLSearchParams(given.map(([name, text]): [string, string] => [name, text.toWellFormed()]));
        const path = `/graphql?${search}`;
        expectContract(await send({ path, method: 'GET', headers: { 'apollo-require-preflight': '1' } }), path);
      }),
      { seed: SEED, numRuns: 3 * RUNS, endOnFailure: true },
    );
  });

  test('what was refused stands in no log', () => {
    expect(app().logged()).not.toContain(CANARY);
  });
});

describeApi(
  'the cookie with the refresh token',
  (app) => {
    test('counts with all of its bits only', async () => {
      const send = (query: string, cookie: string, variables: object = {}) =>
        ask(app(), query, variables as Record<string, unknown>, undefined, {
          cookie,
          origin: 'https://id.example.com',
        });
      const input = { email: 'ada@example.com', password: PASSWORD, name: 'Ada' };
      const signedUp = await send('mutation ($input: RegisterInput!) { register(input: $input) { accessToken } }', '', {
        input,
      });
      const [name = '', token = ''] = signedUp.headers.getSetCookie()[0]?.split(';')[0]?.split('=') ?? [];
      const refresh = (value: string) =>
        send('mutation { refresh(input: { refreshToken: "" }) { accessToken } }', `${name}=${value}`);

      // Blanks around it are no part of a cookie.
      for (const text of damaged(token).filter((value) => isHeader(value) && value.trim() !== token)) {
        expect([text, codes(await refresh(text))]).toEqual([text, ['UNAUTHENTICATED']]);
      }

      expect(codes(await refresh(token))).toEqual([]);
    });
  },
  {},
  { REFRESH_TOKEN_COOKIE: 'true', PUBLIC_URL: 'https://id.example.com' },
);

function isHeader(value: string): boolean {
  try {
    return new Headers({ value }).get('value') !== null && value === value.trimEnd();
  } catch {
    return false;
  }
}

const chunks = <T>(items: T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));

/** One of each kind, all of which count. */
async function tokensOf(app: TestApp, viewer: Person) {
  const [ada, bob] = [await member(app), await member(app)];
  await ada.ask(REQUEST_EMAIL_CHANGE, { newEmail: `new-${ada.email}` });
  await ask(app, REQUEST_PASSWORD_RESET, { email: bob.email });
  const { data } = await viewer.ask(
    `{ byName: users(first: 1, orderBy: { field: NAME, direction: ASC }) { pageInfo { endCursor } }
       users(first: 1) { pageInfo { endCursor } } auditEvents(first: 1) { pageInfo { endCursor } } }`,
  );
  return {
    access: viewer.token,
    refresh: ada.refreshToken,
    verify: await sentToken(app, bob.email, 'verify-email'),
    change: await sentToken(app, `new-${ada.email}`, 'change-email'),
    reset: await sentToken(app, bob.email, 'reset-password'),
    users: data.users.pageInfo.endCursor as string,
    byName: data.byName.pageInfo.endCursor as string,
    audit: data.auditEvents.pageInfo.endCursor as string,
  };
}
type Tokens = Awaited<ReturnType<typeof tokensOf>>;

/** What gets past the first check of an argument. */
async function knownTo(app: TestApp, tokens: Tokens): Promise<Known> {
  const { id, email, sessionId } = await member(app);
  return [...Object.values(tokens), id, email, sessionId, PASSWORD, 'login.failed'];
}
