import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll } from '@jest/globals';
import type { Logger } from 'pino';
import { inProcessConsumer } from '../../consumer/in-process.js';
import { databaseOptions } from '../../mikro-orm.config.js';
import { type App, type AppParts, createApp } from '../../src/app.js';
import type { AuditDigests } from '../../src/audit/audit-digests.js';
import { AuditTrail } from '../../src/audit/audit-trail.js';
import { DeviceTokens } from '../../src/auth/device-tokens.js';
import { Cache } from '../../src/cache/cache.js';
import { type Config, loadConfig } from '../../src/config/config.js';
import { type Database, IN_MEMORY, openDatabase } from '../../src/database/database.js';
import { purgeParts } from '../../src/deletion/purge.js';
import { inProcessBus } from '../../src/events/bus.js';
import { AccessTokens } from '../../src/keys/access-token.js';
import { Acknowledgements } from '../../src/keys/acknowledgements.js';
import { KeyRing } from '../../src/keys/key-ring.js';
import { signingKey } from '../../src/keys/signing-key.js';
import { createLog } from '../../src/log.js';
import { Mailbox, type SentMail } from '../../src/mail/mailbox.js';
import { Cursors } from '../../src/paging/cursor.js';
import { Passwords } from '../../src/password/password.js';
import type { Services } from '../../src/services.js';
import { RefreshTokens } from '../../src/session/refresh-token.js';
import { sessionLimits } from '../../src/session/session.service.js';
import { Counters } from '../../src/throttle/counters.js';
import { Throttles } from '../../src/throttle/throttles.js';
import { describeWithServers } from './describe-with-servers.js';
import { migratedPostgres, openMigratedEmbedded } from './migrated-database.js';
import { temporaryFolder } from './once-per-run.js';
import { recordStatements } from './record-statements.js';

/** What the project of the suite in jest.config.js says. */
declare const databases: readonly ('PGlite' | 'PostgreSQL')[];

/** All people of a suite come from one network. */
export const LIMITS_FILE = 'test/support/limits.json';
const PEPPER = 'a pepper for tests, long enough';

/** What relay, consumer, janitor and audit trail say to the database while a request is answered. */
const ON_THE_SIDE = /outbox|inbox|deletion|mail_tokens|"mails"|audit|retention|^(begin|commit)/i;

/** The whole API in this process, over HTTP, on a database of its own. */
export interface TestApp {
  url: string;
  config: Config;
  database: Database;
  cache: Cache;
  tokens: AccessTokens;
  signingKey: KeyObject;
  passwords: Passwords;
  auditDigests: AuditDigests;
  services: Services;
  /** What was sent so far, newest first. */
  mails(): Promise<SentMail[]>;
  /** What was logged so far, a JSON object a line. */
  logged(): string;
  /**
   * Statements that the database was sent since the last call, but for those of events and mails, unless something else
   * is hidden.
   */
  statements(hidden?: RegExp | null): string[];
  stop(): Promise<void>;
}

async function openTestDatabase(onPostgres: boolean, settings: NodeJS.ProcessEnv) {
  const config = loadConfig({
    PORT: '0',
    PUBLIC_URL: 'http://gatehouse.test',
    DATA_DIR: IN_MEMORY,
    BCRYPT_COST: '4',
    LIMITS_FILE,
    ...(onPostgres && { DATABASE_URL: await migratedPostgres() }),
    ...settings,
  });
  const statementTimeoutMs = config.executionTimeoutSeconds * 1000;
  const database = onPostgres
    ? await openDatabase({ ...config, statementTimeoutMs }, databaseOptions)
    : await openMigratedEmbedded(config);
  return { config, database };
}

async function startApp(onPostgres: boolean, parts: Partial<AppParts>, settings: NodeJS.ProcessEnv): Promise<TestApp> {
  const { config, database } = await openTestDatabase(onPostgres, settings);
  const lines: string[] = [];
  const log: Logger = createLog('debug', { write: (line) => void lines.push(line) });
  const passwords =
    parts.passwords ?? new Passwords({ pepper: PEPPER, cost: config.bcryptCost, minLength: config.passwordMinLength });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const tokens = new AccessTokens(new KeyRing([signingKey(privateKey)]), config.publicUrl);
  const purging = purgeParts(config, PEPPER);
  const { auditDigests } = purging;
  const cursors = new Cursors(PEPPER);
  const refreshTokens = new RefreshTokens(PEPPER);
  const cache = parts.cache ?? Cache.inMemory(log);
  const mailFolder = temporaryFolder();
  const mailbox = new Mailbox(mailFolder, config.mailFrom);
  const { publicUrl } = config;
  const audit = new AuditTrail(database.em, auditDigests);
  const consumerParts = {
    em: database.em,
    mailer: mailbox,
    publicUrl,
    log,
    audit,
    ...purging,
  };
  const app: App = await createApp({
    config,
    log,
    database,
    passwords,
    throttles: new Throttles(new Counters(config.limits, null, log), PEPPER, log),
    tokens,
    auditDigests,
    cursors,
    refreshTokens,
    deviceTokens: new DeviceTokens(PEPPER),
    sessionLimits: sessionLimits(config),
    deletionGraceSeconds: config.deletionGraceSeconds,
    acknowledgements: new Acknowledgements(config.deletionParticipants),
    cache,
    redis: null,
    ledger: purging.ledger,
    mailbox,
    ...parts,
    bus: parts.bus ?? inProcessBus(await inProcessConsumer(consumerParts, config)),
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
    auditDigests,
    services: app.services,
    mails: () => mailbox.list(),
    logged: () => lines.join(''),
    statements: (hidden = ON_THE_SIDE) => statements.splice(0).filter((statement) => !hidden?.test(statement)),
    async stop() {
      await app.stop();
    },
  };
}

/**
 * A suite about the API, run on each database of its project, with an API of its own. `app()` is there from the first
 * test on; `parts` and `settings` replace what a suite needs in another way.
 */
export function describeApi(
  title: string,
  body: (app: () => TestApp) => void,
  parts: Partial<AppParts> = {},
  settings: NodeJS.ProcessEnv = {},
): void {
  for (const database of databases) {
    const onPostgres = database === 'PostgreSQL';
    describeWithServers(onPostgres ? ['postgres'] : [], `${title}, on ${database}`, () => {
      let app: TestApp | null = null;
      beforeAll(async () => {
        app = await startApp(onPostgres, parts, settings);
      });
      afterAll(async () => {
        await app?.stop();
        // The module of the suite stays loaded.
        app = null;
      });
      body(() => {
        if (!app) throw new Error('the app is there from the first test on, not before');
        return app;
      });
    });
  }
}
