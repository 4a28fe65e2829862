// What packages/client is made of follows from the schema and its operations.

import { readFileSync } from 'node:fs';
import { codegen } from '@graphql-codegen/core';
import * as typescript from '@graphql-codegen/typescript';
import * as operations from '@graphql-codegen/typescript-operations';
import { describe, expect, test } from '@jest/globals';
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  parse,
  print,
  stripIgnoredCharacters,
  visit,
} from 'graphql';
import { readManifest, sha256 } from '../../src/graphql/manifest.js';
import { createSchema } from '../../src/schema.js';
import { expectCurrent } from '../support/current-file.js';

const FOLDER = 'packages/client';
const HEAD =
  '// Made by `UPDATE_DOCS=1 npm test -- --selectProjects house` from schema.graphql and operations.graphql.\n\n';
const document = parse(readFileSync(`${FOLDER}/src/operations.graphql`, 'utf8'));
const ours = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);

/** An operation with the fragments that it spreads, in one line. */
function textOf(operation: OperationDefinitionNode): string {
  const used = new Set<FragmentDefinitionNode>();
  const collect = (node: OperationDefinitionNode | FragmentDefinitionNode): void => {
    visit(node, {
      FragmentSpread({ name }) {
        const fragment = document.definitions.find(
          (other) => other.kind === Kind.FRAGMENT_DEFINITION && other.name.value === name.value,
        ) as FragmentDefinitionNode;
        if (used.has(fragment)) return;
        used.add(fragment);
        collect(fragment);
      },
    });
  };
  collect(operation);
  return stripIgnoredCharacters(print({ kind: Kind.DOCUMENT, definitions: [operation, ...used] } as DocumentNode));
}

const nameOf = ({ name }: OperationDefinitionNode) => name?.value ?? '';

describe('packages/client', () => {
  test('has the types of the schema, and its operations as texts', async () => {
    const generate = (filename: string, plugin: Parameters<typeof codegen>[0]['pluginMap'][string]) =>
      codegen({
        schema: parse(readFileSync('schema.graphql', 'utf8')),
        documents: [{ location: 'operations.graphql', document }],
        filename,
        plugins: [{ plugin: {} }],
        pluginMap: { plugin },
        config: {
          enumsAsTypes: true,
          skipTypename: true,
          strictScalars: true,
          scalars: { DateTime: 'string', EmailAddress: 'string', JSONObject: 'Record<string, unknown>' },
        },
      });
    const texts = ours.map((operation) => `export const ${nameOf(operation)} =\n  '${textOf(operation)}';`);

    expectCurrent(`${FOLDER}/src/schema.ts`, `${HEAD}${await generate('schema.ts', typescript)}`);
    expectCurrent(
      `${FOLDER}/src/operations.ts`,
      `${HEAD}${await generate('operations.ts', operations)}\n${texts.join('\n\n')}\n`,
    );
  });

  test('has a manifest of its operations for trusted mode', () => {
    const manifest = {
      format: 'apollo-persisted-query-manifest',
      version: 1,
      operations: ours.map((operation) => {
        const body = textOf(operation);
        return { id: sha256(body), name: nameOf(operation), type: operation.operation, body };
      }),
    };
    const json = `${JSON.stringify(manifest, null, 2)}\n`;

    expectCurrent(`${FOLDER}/persisted-query-manifest.json`, json);
    expect(new Set(readManifest(json, createSchema()).values()).size).toBe(ours.length);
  });
});
