import { readFileSync } from 'node:fs';
import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { Redis } from '../cache/redis.js';
import type { Config } from '../config/config.js';
import { StartFailure } from '../process/start-failure.js';
import type { Throttles } from '../throttle/throttles.js';
import { DocumentStore } from './document-store.js';
import { type Compile, ManifestError, readManifest, type TrustedDocuments } from './manifest.js';
import type { PersistedOperations } from './persisted-operations.js';

interface Parts {
  config: Config;
  redis: Redis | null;
  throttles: Throttles;
  log: Logger;
}

const RELOAD = 'SIGUSR2';

/**
 * The operations that the settings allow. A manifest is read again on SIGUSR2; one that cannot be used changes nothing.
 * @throws {StartFailure} for a manifest that cannot be used.
 */
export async function openOperations(
  schema: GraphQLSchema,
  { config, redis, throttles, log }: Parts,
): Promise<PersistedOperations> {
  const { persistedOperations: mode, operationsManifest: path, adminsSendAnything } = config;
  if (mode === 'off') return { mode };
  if (mode === 'apq') return { mode, store: new DocumentStore(schema, redis, throttles, log) };
  // The compiler is loaded only where it is used.
  const { compileOperation } = await import('./compiled-operation.js');
  const load = () => {
    const documents = readFile(String(path), schema, (document) => compileOperation(schema, document), log);
    log.info({ documents: new Set(documents.values()).size }, 'manifest of operations read');
    return documents;
  };
  let documents = load();
  process.on(RELOAD, () => {
    try {
      documents = load();
    } catch (error) {
      log.error({ reason: (error as Error).message }, 'the manifest cannot be used; the one before it still counts');
    }
  });
  return { mode, documents: () => documents, adminsSendAnything };
}

function readFile(path: string, schema: GraphQLSchema, compile: Compile, log: Logger): TrustedDocuments {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw new StartFailure('OPERATIONS_MANIFEST names no file that can be read.');
  }
  try {
    return readManifest(text, schema, compile);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    for (const problem of error.problems) log.error({ problem }, 'manifest of operations');
    throw new StartFailure(
      `OPERATIONS_MANIFEST cannot be used: ${error.problems[0]} Run npm run operations:check to see all that is wrong.`,
    );
  }
}
