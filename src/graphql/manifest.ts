import { createHash } from 'node:crypto';
import type { DocumentNode, GraphQLSchema } from 'graphql';
import { isRecord, parseJson } from '../text/json.js';
import type { CompiledOperation } from './compiled-operation.js';
import { type CheckedDocument, checkDocument, operationsIn } from './document-checks.js';

export interface TrustedDocument extends CheckedDocument {
  compiled: CompiledOperation | null;
}

/** Of a manifest, by their ids in lower case and by SHA-256. */
export type TrustedDocuments = ReadonlyMap<string, TrustedDocument>;

export type Compile = (document: DocumentNode) => CompiledOperation | null;

export class ManifestError extends Error {
  constructor(readonly problems: string[]) {
    super(problems.join('\n'));
  }
}

interface Entry {
  id: string;
  text: string;
  /** What the manifest says of it, which Relay's does not. */
  name?: unknown;
  type?: unknown;
}

/**
 * Reads the documents that a front end has been built with: Apollo's `apollo-persisted-query-manifest`, version 1, or
 * Relay's map from ids to texts. Each id must be the hash of its text: SHA-256, or MD5 as Relay makes them.
 * @throws {ManifestError} with all that is wrong.
 */
export function readManifest(json: string, schema: GraphQLSchema, compile: Compile = () => null): TrustedDocuments {
  const documents = new Map<string, TrustedDocument>();
  const problems: string[] = [];
  for (const { id, text, name, type } of entriesOf(json)) {
    const label = typeof name === 'string' ? name : id.slice(0, 12);
    const complain = (what: string) => problems.push(`${label}: ${what}`);
    if (hashLike(id, text) !== id.toLowerCase()) {
      complain('its id is not the SHA-256 or MD5 of its text');
      continue;
    }
    const checked = checkDocument(schema, text);
    if (Array.isArray(checked)) {
      for (const what of checked) complain(what);
      continue;
    }
    const operations = operationsIn(checked.document);
    const [operation] = operations;
    if (operations.length !== 1 || !operation) complain('it must have one operation');
    else if (name !== undefined && operation.name?.value !== name) complain('its operation has another name');
    else if (type !== undefined && operation.operation !== type) complain('its operation is of another type');
    // A client may also send the text alone, or its SHA-256 in the place of Relay's id.
    const trusted = { ...checked, compiled: compile(checked.document) };
    for (const known of [id.toLowerCase(), sha256(text)]) documents.set(known, trusted);
  }
  if (problems.length > 0) throw new ManifestError(problems);
  return documents;
}

/** The hash of a text as long as the given one; null for a length that is none. */
export function hashLike(id: string, text: string): string | null {
  if (id.length === 64) return sha256(text);
  return id.length === 32 ? createHash('md5').update(text).digest('hex') : null;
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function entriesOf(json: string): Entry[] {
  const manifest = parseJson(json);
  if (!isRecord(manifest)) throw new ManifestError(['The manifest must be a JSON object.']);
  if (!('format' in manifest)) {
    return Object.entries(manifest).map(([id, text]) => {
      if (typeof text !== 'string') throw new ManifestError([`${id.slice(0, 12)}: it must be the text of a document`]);
      return { id, text };
    });
  }
  const { format, version, operations } = manifest;
  if (format !== 'apollo-persisted-query-manifest' || version !== 1)
    throw new ManifestError(['The format must be apollo-persisted-query-manifest, version 1.']);
  if (!Array.isArray(operations)) throw new ManifestError(['The manifest must have a list of operations.']);
  return operations.map((given, index) => {
    const { id, body, name, type } = isRecord(given) ? given : {};
    if (typeof id !== 'string' || typeof body !== 'string')
      throw new ManifestError([`Operation ${index + 1}: it must have an id and a body.`]);
    return { id, text: body, name, type };
  });
}
