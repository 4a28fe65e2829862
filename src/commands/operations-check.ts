import '../process/node-version.js';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { buildSchema, type GraphQLSchema, TypeInfo, visit, visitWithTypeInfo } from 'graphql';
import { ACCESS } from '../graphql/directives.js';
import { type CheckedDocument, operationsIn } from '../graphql/document-checks.js';
import { ManifestError, readManifest, type TrustedDocuments } from '../graphql/manifest.js';
import { OperationLimits } from '../graphql/operation-limits.js';
import { type FieldRule, rulesOf } from '../graphql/rules.js';
import { changesFor } from '../graphql/schema-changes.js';
import { createSchema } from '../schema.js';

const USAGE = `Usage: npm run operations:check -- MANIFEST [--since OLDER_SCHEMA]
  Checks each operation of a manifest (Apollo's, or Relay's map) against the schema, and prints its rule, its highest
  cost and its codes. Ends with 1 where one does not fit: a field was removed or changed, or it is beyond a limit.
  With --since, the schema.graphql that the front end was made for: ends with 1 also where the type of a field that an
  operation asks for is another one now, and prints the values that its enums have in addition.`;

const { path, since } = argumentsOrExit();
const schema = createSchema();
const older = since === undefined ? null : readSchema(since);
const rules = new Map(rulesOf(schema).map((rule) => [rule.field, rule]));
const limits = new OperationLimits(schema);
for (const document of new Set(read(path, schema).values())) print(document);

function argumentsOrExit(): { path: string; since: string | undefined } {
  try {
    const { values, positionals } = parseArgs({ options: { since: { type: 'string' } }, allowPositionals: true });
    const [path, ...others] = positionals;
    if (path && others.length === 0) return { path, since: values.since };
  } catch {
    // An option that there is not.
  }
  console.error(USAGE);
  process.exit(1);
}

function readSchema(path: string): GraphQLSchema {
  try {
    return buildSchema(readFileSync(path, 'utf8'));
  } catch (error) {
    console.error(`The file ${path} is no schema, or cannot be read: ${(error as Error).message}`);
    process.exit(1);
  }
}

function read(path: string, schema: GraphQLSchema): TrustedDocuments {
  try {
    return readManifest(readFileSync(path, 'utf8'), schema);
  } catch (error) {
    const problems = error instanceof ManifestError ? error.problems : [`The file ${path} cannot be read.`];
    for (const problem of problems) console.error(problem);
    process.exit(1);
  }
}

function print({ document }: CheckedDocument): void {
  const used = rulesUsed(document);
  const rule = ACCESS.findLast((access) => used.some((one) => one.access === access)) ?? 'PUBLIC';
  const codes = [...new Set(used.flatMap((one) => one.codes))].sort();
  for (const operation of operationsIn(document)) {
    const { cost, refusal } = limits.measure(document, operation);
    const name = operation.name?.value ?? 'anonymous';
    console.log(
      `${name}: ${operation.operation}, ${rule}, cost ${cost} at most, ${codes.join(', ') || 'no codes of its own'}`,
    );
    if (!refusal) continue;
    console.error(`${name}: ${refusal.message}`);
    process.exitCode = 1;
  }
  if (older) printChanges(document, older);
}

function printChanges(document: CheckedDocument['document'], older: GraphQLSchema): void {
  const names = operationsIn(document).map(({ name }) => name?.value ?? 'anonymous');
  const { breaking, dangerous } = changesFor(document, older, schema);
  for (const change of breaking) console.error(`${names.join(', ')}: ${change}`);
  for (const change of dangerous) console.log(`${names.join(', ')}: ${change}`);
  if (breaking.length > 0) process.exitCode = 1;
}

/** Of every field in the document, those of fragments too. */
function rulesUsed(document: CheckedDocument['document']): FieldRule[] {
  const types = new TypeInfo(schema);
  const used = new Set<FieldRule>();
  visit(
    document,
    visitWithTypeInfo(types, {
      Field() {
        const field = types.getFieldDef();
        const rule = field && rules.get(field);
        if (rule) used.add(rule);
      },
    }),
  );
  return [...used];
}
