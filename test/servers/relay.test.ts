// Relay takes the schema as it is: its compiler makes a map of documents, the API trusts that map alone, and its runtime
// signs in, reads on in a list, and sees a change in each place that shows it.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type ConcreteRequest,
  commitMutation,
  Environment,
  fetchQuery,
  type GraphQLResponse,
  type MutationParameters,
  Network,
  RecordSource,
  type RequestParameters,
  Store,
} from 'relay-runtime';
import { ADMIN, codes, freshEmail, PASSWORD } from '../support/people.js';
import { type ApiProcess, startApi } from '../support/processes.js';

// The shapes that Relay is strict about: a connection, a page of it by a fragment, and an object that is read again by
// its id, for which it needs `node`.
const SOURCE = `
import { graphql } from 'relay-runtime';
graphql\`mutation appSignInMutation($input: LoginInput!) { login(input: $input) { accessToken user { id } } }\`;
graphql\`mutation appRegisterMutation($input: RegisterInput!) { register(input: $input) { user { id } } }\`;
graphql\`mutation appRenameMutation($name: String!) { updateProfile(input: { name: $name }) { id name } }\`;
graphql\`
  fragment app_users on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, cursor: { type: "String" })
  @refetchable(queryName: "appUsersPageQuery") {
    users(first: $count, after: $cursor) @connection(key: "app_users") { edges { node { id name role { id name } } } }
  }\`;
graphql\`fragment app_profile on User @refetchable(queryName: "appProfileQuery") { id name email }\`;
graphql\`query appQuery { ...app_users me { ...app_profile } }\`;
`;

interface Payload {
  accessToken?: string;
  user: { id: string };
}

interface Mutation extends MutationParameters {
  response: Record<string, Payload>;
}

/** A record of Relay's store. */
interface Held {
  name?: string;
  email?: string;
  node?: { __ref: string };
  edges?: { __refs: string[] };
  endCursor?: string;
}

/** Within the project, so that its packages are found. */
const FOLDER = resolve('dist');
const COMPILER = resolve('node_modules', 'relay-compiler', 'cli.js');

describe("Relay's compiler and runtime, with the documents of the compiler alone", () => {
  let folder: string;
  let api: ApiProcess;

  beforeAll(async () => {
    mkdirSync(FOLDER, { recursive: true });
    folder = mkdtempSync(join(FOLDER, 'relay-'));
    for (const name of ['src', 'made']) mkdirSync(join(folder, name));
    cpSync('schema.graphql', join(folder, 'schema.graphql'));
    writeFileSync(join(folder, 'src', 'app.js'), SOURCE);
    writeFileSync(join(folder, 'operations.json'), '{}');
    writeFileSync(
      join(folder, 'relay.config.json'),
      JSON.stringify({
        src: './src',
        schema: './schema.graphql',
        language: 'javascript',
        artifactDirectory: './made',
        eagerEsModules: true,
        persistConfig: { file: './operations.json' },
      }),
    );
    execFileSync(process.execPath, [COMPILER, 'relay.config.json'], { cwd: folder, stdio: 'pipe' });
    const trust = { PERSISTED_OPERATIONS: 'trusted', OPERATIONS_MANIFEST: join(folder, 'operations.json') };
    api = await startApi(trust);
  });

  afterAll(async () => {
    await api?.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  const made = async (name: string): Promise<ConcreteRequest> =>
    (await import(join(folder, 'made', `${name}.graphql.js`))).default;

  test('sign in, read a list page by page, read one of it by its id, and change it', async () => {
    let token = '';
    const send = async ({ id, text }: RequestParameters, variables: object) => {
      expect(text).toBeNull();
      const response = await fetch(`${api.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
        body: JSON.stringify({ documentId: id, variables }),
      });
      return (await response.json()) as GraphQLResponse;
    };
    const store = new Store(new RecordSource());
    const relay = new Environment({ network: Network.create(send), store });
    const read = async (name: string, variables = {}) => fetchQuery(relay, await made(name), variables).toPromise();
    const change = async (name: string, variables: Record<string, unknown>) => {
      const mutation = await made(name);
      return new Promise<Record<string, Payload>>((resolve, reject) =>
        commitMutation<Mutation>(relay, { mutation, variables, onCompleted: resolve, onError: reject }),
      );
    };
    /** As Relay holds it, whichever operation read it. */
    const held = (id: string) => (store.getSource().get(id) ?? {}) as Held;
    const ids = () =>
      held('client:root:__app_users_connection').edges?.__refs.map((edge) => String(held(edge).node?.__ref));

    const people: string[] = [];
    for (const name of ['Ada', 'Bob', 'Eve']) {
      const input = { email: freshEmail(), password: PASSWORD, name };
      people.unshift(String((await change('appRegisterMutation', { input })).register?.user.id));
    }
    const { login } = await change('appSignInMutation', { input: ADMIN });
    token = String(login?.accessToken);
    await read('appQuery');
    const first = ids();
    const { endCursor: cursor } = held('client:root:__app_users_connection:pageInfo');
    await read('appUsersPageQuery', { count: 2, cursor });
    await change('appRenameMutation', { name: 'Root' });

    const root = String(login?.user.id);
    expect(first).toEqual(people.slice(0, 2));
    expect(ids()).toEqual([...people, root]);
    expect(held(root)).toMatchObject({ name: 'Root', email: ADMIN.email });
    await read('appProfileQuery', { id: people[2] });
    expect(held(String(people[2]))).toMatchObject({ name: 'Ada', email: expect.stringContaining('@') });
  });

  test('what the compiler has not made is refused', async () => {
    const answer = await api.ask('{ me { id } }');

    expect(codes(answer)).toEqual(['DOCUMENT_NOT_TRUSTED']);
  });
});
