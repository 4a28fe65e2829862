import { setTimeout as delay } from 'node:timers/promises';
import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import type { FastifyInstance } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { Cache } from './cache/cache.js';
import type { Redis } from './cache/redis.js';
import type { Config } from './config/config.js';
import { type Database, listenToDatabase, pendingMigrations, takesWrites } from './database/database.js';
import { type Ledger, LedgerCheck } from './deletion/ledger.js';
import type { EventBus } from './events/bus.js';
import { relaysFor } from './events/relay.js';
import { DirectExecution } from './graphql/direct-execution.js';
import { documentRules, MAX_TOKENS } from './graphql/document-rules.js';
import { errorFormatter } from './graphql/error-formatter.js';
import { KnownDocuments } from './graphql/known-documents.js';
import { openOperations } from './graphql/open-operations.js';
import { OperationChecks } from './graphql/operation-checks.js';
import { requestChecks } from './graphql/request-checks.js';
import { createHttp } from './http/http.js';
import { sandbox } from './http/pages/landing-page.js';
import type { Mailbox } from './mail/mailbox.js';
import { Metrics } from './observability/metrics.js';
import { endBy } from './process/run.js';
import { type Context, createContext } from './request/context.js';
import { Execution } from './request/execution.js';
import { Turns } from './request/turns.js';
import { janitorOfRecords } from './retention/retention.js';
import { createSchema, printSchema } from './schema.js';
import { createServices, type Parts, type Services } from './services.js';
import { cachedSession } from './session/session.service.js';
import { cachedOf } from './user/user.service.js';

const MAX_ERRORS = 20;
const DATABASE_ANSWER_MS = 2_000;

export interface AppParts extends Omit<Parts, 'em'> {
  config: Config;
  database: Database;
  bus: EventBus;
  /** Null where there is none. */
  redis: Redis | null;
  /** Who was erased, outside the database; null where none is kept. */
  ledger: Ledger | null;
  /** What Sandbox opens with. */
  examples?: string;
  /** Development's, to be shown; null where mail goes to a server. */
  mailbox: Mailbox | null;
}

export interface App {
  http: FastifyInstance;
  services: Services;
  /** Serves, relays and listens to the database. Answers the address. */
  start(): Promise<string>;
  /**
   * In-flight requests finish, then janitor, relays, bus, cache and database end, in this order; within 8 s, whatever
   * hangs.
   */
  stop(): Promise<void>;
}

/** Assembles the API from its parts. */
export async function createApp(parts: AppParts): Promise<App> {
  const { config, database, cache, bus, ledger, log } = parts;
  const services = createServices({ ...parts, em: database.em });
  const { audit, authenticator, tokens } = services;
  const schema = createSchema(services);
  const operations = await openOperations(schema, parts);
  const hidesNames = config.production;
  const checks = new OperationChecks(schema, audit, { hidesNames });
  const known = new KnownDocuments();
  const formatError = errorFormatter(log, { hidesNames });
  const apollo = createApollo(parts, schema, { formatError, known, plugin: requestChecks(checks, known) });
  await apollo.start();
  const relays = relaysFor(database.em, bus, log);
  const removals = { em: database.em, audit, auditDigests: parts.auditDigests };
  const janitor = janitorOfRecords(removals, config.retention, log);
  const wake = () => {
    for (const relay of relays) relay.wake();
  };
  const erasures = ledger && new LedgerCheck(ledger, database.em);
  const turns = new Turns();
  const http = await createHttp(config, log, {
    apollo,
    directExecution: new DirectExecution(schema, known, checks, formatError),
    operations,
    beginExecution: () => new Execution(config.executionTimeoutSeconds, turns),
    context: (facts) => createContext(facts, (authorization, memo) => authenticator.authenticate(authorization, memo)),
    jwks: () => tokens.jwks(),
    health: () => health(parts, erasures),
    mailbox: parts.mailbox,
    metrics: () => new Metrics(database.em),
    explorer: config.explorer ? () => ({ schema: printSchema(schema), cookies: config.refreshTokenCookie }) : null,
  });
  const invalidate = invalidateTogether(cache);
  let stopListening = async () => {};

  return {
    http,
    services,
    async start() {
      for (const relay of relays) relay.start();
      janitor.start();
      stopListening = await listenToDatabase(database, config, log, {
        onSignal: (signal) => {
          const [kind, id] = signal.split(' ');
          if (kind === 'outbox') wake();
          if (kind === 'user' && id) invalidate(cachedOf(id));
          if (kind === 'session' && id) invalidate([cachedSession(id)]);
        },
        onListening: () => {
          void cache.invalidateAll();
          // A backup may have been restored meanwhile.
          erasures?.forget();
          wake();
        },
      });
      return http.listen({ host: config.host, port: config.port });
    },
    async stop() {
      const began = performance.now();
      // What hangs is left behind: its events are leased, and published again.
      const end = async (part: string, withinMs: number, work: Promise<unknown>) => {
        if (!(await endBy(began + withinMs, work))) log.warn({ part }, 'not ended in time or not cleanly');
      };
      await end('requests', 5_000, http.close());
      await Promise.all([
        end('graphql', 6_000, apollo.stop()),
        end('listener', 6_000, stopListening()),
        end('janitor', 6_000, janitor.stop()),
        ...relays.map((relay) => end('relay', 6_000, relay.stop())),
      ]);
      await Promise.all([end('events', 7_000, bus.close()), end('cache', 7_000, cache.close())]);
      await end('database', 8_000, database.close());
    },
  };
}

/**
 * What one turn hears is said to the cache at once: a committed import comes as hundreds of signals, and one by one
 * they would not be answered in time.
 */
function invalidateTogether(cache: Cache): (generations: string[]) => void {
  const invalid = new Set<string>();
  return (generations) => {
    if (invalid.size === 0) {
      setImmediate(() => {
        void cache.invalidate(...invalid);
        invalid.clear();
      });
    }
    for (const generation of generations) invalid.add(generation);
  };
}

interface ApolloParts {
  formatError: ReturnType<typeof errorFormatter>;
  known: KnownDocuments;
  plugin: ApolloServerPlugin<Context>;
}

function createApollo(
  { config, log, examples }: AppParts,
  schema: GraphQLSchema,
  { formatError, known, plugin }: ApolloParts,
): ApolloServer<Context> {
  const { production } = config;
  return new ApolloServer<Context>({
    schema,
    introspection: !production,
    hideSchemaDetailsFromClientErrors: production,
    includeStacktraceInErrorResponses: false,
    csrfPrevention: true,
    // Found before Apollo sees the request.
    persistedQueries: false,
    documentStore: known,
    stopOnTerminationSignals: false,
    parseOptions: { maxTokens: MAX_TOKENS },
    validationRules: [...documentRules],
    validationOptions: { maxErrors: MAX_ERRORS, hideSuggestions: production },
    formatError,
    logger: log.child({}, { level: 'warn' }),
    plugins: [
      // It would look at every field: no answer but the schema is for a shared cache, and that says so itself.
      ApolloServerPluginCacheControlDisabled(),
      plugin,
      production ? ApolloServerPluginLandingPageDisabled() : sandbox(examples, config.explorer),
    ],
  });
}

/** Without the database nothing works; without cache or broker all does, only slower or later. */
async function health({ database, cache, bus }: AppParts, erasures: LedgerCheck | null) {
  const inTime = <T>(answer: Promise<T>) =>
    Promise.race([answer, delay(DATABASE_ANSWER_MS, null, { ref: false })]).catch(() => null);
  const [writes, pending] = await Promise.all([inTime(takesWrites(database)), inTime(pendingMigrations(database))]);
  const erased = erasures && (pending?.length === 0 ? await inTime(erasures.isDone()) : null);
  return {
    ready: writes === true && pending?.length === 0 && (erasures === null || erased === true),
    parts: {
      database: writes === null ? 'down' : writes ? 'up' : 'read-only',
      migrations: pending === null ? 'unknown' : pending.length === 0 ? 'done' : 'pending',
      cache: (await cache.isUp()) ? 'up' : 'degraded',
      events: bus.isUp() ? 'up' : 'degraded',
      ...(erasures && { erasures: erased === null ? 'unknown' : erased ? 'done' : 'pending' }),
    },
  };
}
