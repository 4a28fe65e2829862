import type { DocumentNode } from 'graphql';
import { LRUCache } from 'lru-cache';

const MAX_DOCUMENTS = 500;
/** Of all texts together. What a document is read into takes some hundred bytes for each. */
const MAX_CHARACTERS = 300_000;

/** Documents that fit the schema, by their texts. Anybody may fill it: then the oldest are forgotten, and checked anew. */
export class KnownDocuments {
  readonly #documents = new LRUCache<string, DocumentNode>({
    max: MAX_DOCUMENTS,
    maxSize: MAX_CHARACTERS,
    sizeCalculation: (_, text) => text.length,
  });

  /** A document that was found good. */
  remember(text: string, document: DocumentNode): void {
    if (!this.#documents.has(text)) this.#documents.set(text, document);
  }

  find(text: string): DocumentNode | undefined {
    return this.#documents.get(text);
  }
}
