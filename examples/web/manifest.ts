import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { InMemoryCache } from '@apollo/client';
import { type DocumentNode, Kind, print } from 'graphql';
import * as documents from './src/documents.ts';

// The documents as Apollo Client sends them, with `__typename`, and those of the client that signs in.
const cache = new InMemoryCache();
const operations = Object.values(documents).flatMap((document: DocumentNode) => {
  const operation = document.definitions.find(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  if (operation?.kind !== Kind.OPERATION_DEFINITION) return [];
  const body = print(cache.transformDocument(document));
  const id = createHash('sha256').update(body).digest('hex');
  return [{ id, name: operation.name?.value, type: operation.operation, body }];
});
const clients = new URL('../../packages/client/persisted-query-manifest.json', import.meta.url);
const signIn = JSON.parse(readFileSync(clients, 'utf8')) as { operations: object[] };
const manifest = {
  format: 'apollo-persisted-query-manifest',
  version: 1,
  operations: [...operations, ...signIn.operations],
};
writeFileSync(new URL('persisted-query-manifest.json', import.meta.url), `${JSON.stringify(manifest, null, 2)}\n`);
