import { badRequest, notTrusted, persistedQueryNotFound, persistedQueryNotSupported } from '../errors.js';
import type { Client } from '../request/actor.js';
import { isRecord } from '../text/json.js';
import type { CompiledOperation } from './compiled-operation.js';
import type { CheckedDocument } from './document-checks.js';
import type { DocumentStore } from './document-store.js';
import { hashLike, sha256, type TrustedDocuments } from './manifest.js';

/** What a request says of its document. */
export interface GivenDocument {
  query?: unknown;
  documentId?: unknown;
  extensions?: unknown;
}

/** The document of a request; `isPublic` as in `CheckedDocument`, and false where no id was given. */
export interface FoundDocument extends Pick<CheckedDocument, 'text' | 'isPublic'> {
  /** Of a document of a manifest. */
  compiled?: CompiledOperation | null;
}

/**
 * Which documents run, and how a request names one: as `query`; by `extensions.persistedQuery` (Apollo); or by
 * `documentId` (GraphQL over HTTP, appendix A).
 */
export type PersistedOperations =
  | { mode: 'off' }
  | { mode: 'apq'; store: DocumentStore }
  | { mode: 'trusted'; documents: () => TrustedDocuments; adminsSendAnything: boolean };

/**
 * Finds the document of a request. Null where it names none, or none that is a text: what is said of that is Apollo's.
 * @throws {IdentityError} BAD_REQUEST, PERSISTED_QUERY_NOT_SUPPORTED, PERSISTED_QUERY_NOT_FOUND,
 *   DOCUMENT_NOT_TRUSTED.
 */
export async function findDocument(
  operations: PersistedOperations,
  given: GivenDocument,
  client: Client,
  isAdmin: () => Promise<boolean>,
): Promise<FoundDocument | null> {
  const id = idIn(given);
  const text = typeof given.query === 'string' && given.query !== '' ? given.query : null;
  if (id !== null && operations.mode === 'off') throw persistedQueryNotSupported();
  if (id !== null && text !== null && hashLike(id, text) !== id)
    throw badRequest('The document does not have the hash that came with it.');
  if (operations.mode === 'trusted') {
    if (id === null && text === null) return null;
    const found = operations.documents().get(id ?? sha256(text as string));
    if (found) return found;
    if (text === null) throw persistedQueryNotFound();
    if (operations.adminsSendAnything && (await isAdmin())) return { text, isPublic: false };
    throw notTrusted();
  }
  if (id === null || operations.mode === 'off') return text === null ? null : { text, isPublic: false };
  // MD5 is good for a list that is trusted, and for nothing that anybody may add to.
  if (!SHA256.test(id)) throw badRequest('documentId must be sha256: and 64 hexadecimal digits.');
  if (text === null) {
    const found = await operations.store.find(id);
    if (!found) throw persistedQueryNotFound();
    return found;
  }
  await operations.store.register(id, text, client);
  return { text, isPublic: false };
}

const SHA256 = /^[\da-f]{64}$/i;
/** MD5 is of Relay's compiler. */
const HASH = /^(sha256:[\da-f]{64}|[\da-f]{64}|[\da-f]{32})$/i;

/** The hash that a request names its document by; null where it names none. */
function idIn({ documentId, extensions }: GivenDocument): string | null {
  const persisted = isRecord(extensions) ? extensions.persistedQuery : undefined;
  const ids = new Set<string>();
  if (documentId !== undefined && documentId !== null) {
    if (typeof documentId !== 'string' || !HASH.test(documentId))
      throw badRequest('documentId must be sha256: and 64 hexadecimal digits, or an id of the manifest.');
    ids.add(documentId.toLowerCase().replace('sha256:', ''));
  }
  if (persisted !== undefined && persisted !== null) {
    const { version, sha256Hash } = isRecord(persisted) ? persisted : {};
    if (version !== 1 || typeof sha256Hash !== 'string' || !SHA256.test(sha256Hash))
      throw badRequest('extensions.persistedQuery must have the version 1 and a sha256Hash of 64 hexadecimal digits.');
    ids.add(sha256Hash.toLowerCase());
  }
  if (ids.size > 1) throw badRequest('documentId and extensions.persistedQuery name two documents.');
  const [id = null] = ids;
  return id;
}
