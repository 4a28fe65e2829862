// The schema is what tools of clients take: GraphQL Code Generator makes types that the compiler holds a client to, and
// urql's normalized cache keeps what was read in step with what is changed.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { preset } from '@graphql-codegen/client-preset';
import { codegen } from '@graphql-codegen/core';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Client, fetchExchange, gql } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { buildSchema, introspectionFromSchema, parse } from 'graphql';
import { describeApi } from '../support/app.js';
import { compile } from '../support/compile.js';
import { admin, member } from '../support/people.js';

const SDL = readFileSync('schema.graphql', 'utf8');
const EXAMPLES = readFileSync('examples.graphql', 'utf8');

describe("GraphQL Code Generator's client preset", () => {
  mkdirSync('dist', { recursive: true });
  // Within the project, so that its packages are found.
  const folder = mkdtempSync(join('dist', 'client-preset-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function generate(): Promise<void> {
    const sections = await preset.buildGeneratesSection({
      baseOutputDir: `${folder}/`,
      schema: parse(SDL),
      documents: [{ location: 'examples.graphql', document: parse(EXAMPLES), rawSDL: EXAMPLES }],
      config: {},
      presetConfig: { fragmentMasking: { unmaskFunctionName: 'readFragment' } },
      pluginMap: {},
      plugins: [],
    } as unknown as Parameters<typeof preset.buildGeneratesSection>[0]);
    for (const section of sections) writeFileSync(section.filename, await codegen(section));
  }

  const compileClient = (source: string) => {
    const path = join(folder, 'client.ts');
    writeFileSync(path, source);
    return compile(path);
  };

  test('types every example, and the compiler refuses what the schema does not have', async () => {
    await generate();
    const client = (field: string) => `
      import type { ResultOf, VariablesOf } from '@graphql-typed-document-node/core';
      import { LoginDocument, UserDeletionDocument } from './graphql.js';
      export const variables: VariablesOf<typeof LoginDocument> = { email: 'ada@example.com', password: 'x' };
      export const read = ({ userDeletion }: ResultOf<typeof UserDeletionDocument>) => userDeletion?.${field};
    `;

    const right = compileClient(client('receipts.map(({ step, status }) => step + status)'));
    const wrong = compileClient(client('nothing'));

    expect([right.status, right.stdout]).toEqual([0, '']);
    expect([wrong.status !== 0, wrong.stdout]).toEqual([
      true,
      expect.stringContaining("Property 'nothing' does not exist"),
    ]);
  });
});

describeApi("urql's graphcache", (app) => {
  test('keeps a list in step with a change, without a key that it would have to be told', async () => {
    const [root, ada] = [await admin(app()), await member(app(), { name: 'Ada Cached' })];
    const warnings: string[] = [];
    const client = new Client({
      url: `${app().url}/graphql`,
      preferGetMethod: false,
      fetchOptions: { headers: { authorization: `Bearer ${root.token}` } },
      exchanges: [
        cacheExchange({
          schema: introspectionFromSchema(buildSchema(SDL)) as never,
          // Those without an id are parts of others.
          keys: {
            UserConnection: () => null,
            UserEdge: () => null,
            PageInfo: () => null,
            DeleteUserPayload: () => null,
          },
          logger: (severity, message) => void (severity === 'debug' || warnings.push(message)),
        }),
        fetchExchange,
      ],
    });
    const list = gql(
      'query ($search: String) { users(filter: { search: $search }) { nodes { id isActive role { id name } } } }',
    );
    const read = () => client.query(list, { search: 'Ada Cached' }).toPromise();

    const before = await read();
    await client
      .mutation(gql('mutation ($id: ID!) { deactivateUser(id: $id) { id isActive } }'), { id: ada.id })
      .toPromise();
    const after = await read();

    expect(before.data.users.nodes).toEqual([
      expect.objectContaining({ id: ada.id, isActive: true, role: expect.objectContaining({ name: 'MEMBER' }) }),
    ]);
    expect(after.data.users.nodes).toEqual([expect.objectContaining({ id: ada.id, isActive: false })]);
    expect(warnings).toEqual([]);
  });
});
