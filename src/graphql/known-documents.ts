import type { DocumentNode } from 'graphql';
import { LRUCache } from 'lru-cache';

const MAX_DOCUMENTS = 1_000;
/** Of all texts together. What a document is read into takes some hundred bytes for each. */
const MAX_CHARACTERS = 400_000;

/**
 * Documents that fit the schema: by their texts, and as the store of Apollo Server by its keys. Anybody may fill it: then
 * the oldest are forgotten, and checked anew.
 */
export class KnownDocuments {
  readonly #documents = new LRUCache<string, DocumentNode>({
    max: MAX_DOCUMENTS,
    maxSize: MAX_CHARACTERS,
    sizeCalculation: ({ loc }) => loc?.end ?? MAX_CHARACTERS,
  });

  /** A document that was found good. */
  remember(text: string, document: DocumentNode): void {
    if (!this.#documents.has(text)) this.#documents.set(text, document);
  }

  find(text: string): DocumentNode | undefined {
    return this.#documents.get(text);
  }

  async get(key: string): Promise<DocumentNode | undefined> {
    return this.#documents.get(key);
  }

  async set(key: string, document: DocumentNode): Promise<void> {
    this.#documents.set(key, document);
  }

  async delete(key: string): Promise<boolean> {
    return this.#documents.delete(key);
  }
}
