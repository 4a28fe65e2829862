import { setTimeout as delay } from 'node:timers/promises';
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import type { FastifyInstance } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { Cache } from './cache.js';
import type { Config } from './config.js';
import { type Context, createContext, type Parts } from './context.js';
import { type Database, listenToDatabase, pendingMigrations } from './database.js';
import { errorFormatter } from './error-formatter.js';
import type { EventBus } from './events/bus.js';
import { relaysFor } from './events/relay.js';
import { createHttp } from './http.js';
import type { Mailbox } from './mail/mailbox.js';
import { requestChecks } from './request-checks.js';
import { cacheKey } from './session/session.service.js';
import { endedBy } from './user/user.service.js';

const MAX_TOKENS = 2_000;
const DATABASE_ANSWER_MS = 2_000;

export interface AppParts extends Omit<Parts, 'em'> {
  config: Config;
  database: Database;
  bus: EventBus;
  schema: GraphQLSchema;
  /** What Sandbox opens with. */
  examples?: string;
  /** Development's, to be shown; null where mail goes to a server. */
  mailbox: Mailbox | null;
}

export interface App {
  http: FastifyInstance;
  /** Serves, relays and listens to the database. Answers the address. */
  start(): Promise<string>;
  /** In-flight requests finish, then relay, bus, cache and database end, in this order. */
  stop(): Promise<void>;
}

/** Assembles the API from its parts. */
export async function createApp(parts: AppParts): Promise<App> {
  const { config, database, cache, bus, log } = parts;
  const requestParts: Parts = { ...parts, em: database.em };
  const apollo = createApollo(parts);
  await apollo.start();
  const relays = relaysFor(database.em, bus, log);
  const wake = () => {
    for (const relay of relays) relay.wake();
  };
  const http = await createHttp(config, log, {
    apollo,
    context: (facts) => createContext(requestParts, facts),
    jwks: () => parts.tokens.jwks(),
    health: () => health(database, cache, bus),
    mailbox: parts.mailbox,
  });
  const end = endTogether(cache);
  let stopListening = async () => {};

  return {
    http,
    async start() {
      for (const relay of relays) relay.start();
      stopListening = await listenToDatabase(database, config, log, {
        onSignal: (signal) => {
          const [kind, id] = signal.split(' ');
          if (kind === 'outbox') wake();
          if (kind === 'user' && id) end(endedBy(id));
          if (kind === 'session' && id) end([cacheKey(id)]);
        },
        onListening: () => {
          void cache.endEverything();
          wake();
        },
      });
      return http.listen({ host: config.host, port: config.port });
    },
    async stop() {
      await http.close();
      await apollo.stop();
      await stopListening();
      await Promise.all(relays.map((relay) => relay.stop()));
      await bus.close();
      await cache.close();
      await database.close();
    },
  };
}

/** What one turn hears is said to the cache at once: a committed import comes as hundreds of signals, and one by one they would not be answered in time. */
function endTogether(cache: Cache): (generations: string[]) => void {
  const ended = new Set<string>();
  return (generations) => {
    if (ended.size === 0) {
      setImmediate(() => {
        void cache.end(...ended);
        ended.clear();
      });
    }
    for (const generation of generations) ended.add(generation);
  };
}

function createApollo({ config, schema, log, examples }: AppParts): ApolloServer<Context> {
  const { production } = config;
  return new ApolloServer<Context>({
    schema,
    introspection: !production,
    hideSchemaDetailsFromClientErrors: production,
    includeStacktraceInErrorResponses: false,
    csrfPrevention: true,
    stopOnTerminationSignals: false,
    parseOptions: { maxTokens: MAX_TOKENS },
    formatError: errorFormatter(log),
    logger: log.child({}, { level: 'warn' }),
    plugins: [
      requestChecks,
      production
        ? ApolloServerPluginLandingPageDisabled()
        : ApolloServerPluginLandingPageLocalDefault({ embed: { runTelemetry: false }, document: examples }),
    ],
  });
}

/** Without the database nothing works; without cache or broker all does, only slower or later. */
async function health(database: Database, cache: Cache, bus: EventBus) {
  const late = delay(DATABASE_ANSWER_MS, ['no answer'], { ref: false });
  const pending = await Promise.race([pendingMigrations(database), late]).catch(() => ['no answer']);
  const up = !pending.includes('no answer');
  return {
    ready: up && pending.length === 0,
    parts: {
      database: up ? 'up' : 'down',
      migrations: up ? (pending.length === 0 ? 'done' : 'pending') : 'unknown',
      cache: (await cache.isUp()) ? 'up' : 'degraded',
      events: bus.isUp() ? 'up' : 'degraded',
    },
  };
}
