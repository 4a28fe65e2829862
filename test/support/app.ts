import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from '@jest/globals';
import type { Logger } from 'pino';
import { handleInProcess } from '../../consumer/in-process.js';
import { IN_MEMORY } from '../../mikro-orm.config.js';
import { type App, type AppParts, createApp } from '../../src/app.js';
import { AuditDigests } from '../../src/audit/audit-digests.js';
import { AuditTrail, COMMAND } from '../../src/audit/audit-trail.js';
import { KeyRing } from '../../src/auth/key-ring.js';
import { Passwords } from '../../src/auth/password.js';
import { signingKey } from '../../src/auth/signing-key.js';
import { AccessTokens } from '../../src/auth/token.js';
import { Cache } from '../../src/cache.js';
import { type Config, loadConfig } from '../../src/config.js';
import type { Parts } from '../../src/context.js';
import { type Database, migrate, openDatabase } from '../../src/database.js';
import { inProcessBus } from '../../src/events/bus.js';
import { createLog } from '../../src/log.js';
import { Mailbox, type SentMail } from '../../src/mail/mailbox.js';
import { Cursors } from '../../src/paging/cursor.js';
import { createSchema } from '../../src/schema.js';
import { RefreshTokens } from '../../src/session/refresh-token.js';
import { describeWithServers } from './describe-with-servers.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';

declare const database: 'pglite' | 'postgres' | undefined;

const PEPPER = 'a pepper for tests, long enough';
const DAY_MS = 24 * 60 * 60 * 1000;

/** What relay, consumer and audit trail say to the database while a request is answered. */
const ON_THE_SIDE = /outbox|inbox|mail_tokens|"mails"|audit|^(begin|commit)/i;

/** The whole API in this process, over HTTP, on a database of its own. */
export interface TestApp {
  url: string;
  config: Config;
  database: Database;
  cache: Cache;
  tokens: AccessTokens;
  signingKey: KeyObject;
  passwords: Passwords;
  /** As commands have it. */
  audit: AuditTrail;
  /** What a request's context is made of. */
  requestParts: Parts;
  /** What was sent so far, newest first. */
  mails(): Promise<SentMail[]>;
  /** What was logged so far, a JSON object a line. */
  logged(): string;
  /** Statements that the database was sent since the last call, but for those of events and mails, unless something else is hidden. */
  statements(hidden?: RegExp | null): string[];
  stop(): Promise<void>;
}

/** Opens a database of the kind that this run is about, or a fresh one of the given server. */
async function openTestDatabase(server: PostgresServer | null, settings: NodeJS.ProcessEnv) {
  const config = loadConfig({
    PORT: '0',
    PUBLIC_URL: 'http://gatehouse.test',
    DATA_DIR: IN_MEMORY,
    BCRYPT_COST: '4',
    ...(server && { DATABASE_URL: await server.createDatabase() }),
    ...settings,
  });
  const database = await openDatabase(config);
  await migrate(database, config);
  return { config, database };
}

async function startApp(
  server: PostgresServer | null,
  parts: Partial<AppParts>,
  settings: NodeJS.ProcessEnv,
): Promise<TestApp> {
  const { config, database } = await openTestDatabase(server, settings);
  const lines: string[] = [];
  const log: Logger = createLog('debug', { write: (line) => void lines.push(line) });
  const passwords =
    parts.passwords ?? new Passwords({ pepper: PEPPER, cost: config.bcryptCost, minLength: config.passwordMinLength });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const tokens = new AccessTokens(new KeyRing([signingKey(privateKey)]), config.publicUrl);
  const auditDigests = new AuditDigests(PEPPER);
  const cursors = new Cursors(PEPPER);
  const refreshTokens = new RefreshTokens(PEPPER);
  const sessionLifetimes = { idleMs: config.sessionIdleDays * DAY_MS, maxMs: config.sessionMaxDays * DAY_MS };
  const cache = parts.cache ?? Cache.inMemory(log);
  const mailFolder = await mkdtemp(join(tmpdir(), 'gatehouse-mail-'));
  const mailbox = new Mailbox(mailFolder, config.mailFrom);
  const { publicUrl } = config;
  const app: App = await createApp({
    config,
    log,
    database,
    passwords,
    tokens,
    auditDigests,
    cursors,
    refreshTokens,
    sessionLifetimes,
    cache,
    bus: inProcessBus(handleInProcess({ em: database.em, mailer: mailbox, publicUrl, log })),
    mailbox,
    schema: createSchema(),
    ...parts,
  });
  const statements = recordStatements(database);
  const url = await app.start();
  return {
    url,
    config,
    signingKey: privateKey,
    database,
    cache,
    tokens,
    passwords,
    audit: new AuditTrail(database.em, auditDigests, () => COMMAND),
    requestParts: {
      em: database.em,
      cache,
      tokens,
      passwords,
      auditDigests,
      cursors,
      refreshTokens,
      sessionLifetimes,
      log,
    },
    mails: () => mailbox.list(),
    logged: () => lines.join(''),
    statements: (hidden = ON_THE_SIDE) => statements.splice(0).filter((statement) => !hidden?.test(statement)),
    async stop() {
      await app.stop();
      await rm(mailFolder, { recursive: true, force: true });
    },
  };
}

function recordStatements({ orm }: Database): string[] {
  const statements: string[] = [];
  const logger = orm.config.getLogger();
  logger.setDebugMode(['query']);
  logger.logQuery = ({ query }) => void statements.push(query ?? '');
  return statements;
}

/**
 * A suite about the API, run once on the embedded database and once on PostgreSQL. `app()` is there from the first test on; `parts` and
 * `settings` replace what a suite needs in another way.
 */
export function describeApi(
  title: string,
  body: (app: () => TestApp) => void,
  parts: Partial<AppParts> = {},
  settings: NodeJS.ProcessEnv = {},
): void {
  const onPostgres = database === 'postgres';
  const run = onPostgres
    ? (inner: () => void) => describeWithServers(['postgres'], title, inner)
    : describe.bind(null, title);
  run(() => {
    let server: PostgresServer | null = null;
    let app: TestApp | null = null;
    beforeAll(async () => {
      server = onPostgres ? await startPostgres() : null;
      app = await startApp(server, parts, settings);
    }, 60_000);
    afterAll(async () => {
      await app?.stop();
      await server?.stop();
    });
    body(() => {
      if (!app) throw new Error('the app is there from the first test on, not before');
      return app;
    });
  });
}
