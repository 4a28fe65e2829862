import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { StepParts } from '../consumer/steps/steps.js';
import { databaseOptions } from '../mikro-orm.config.js';
import { ensureAdmin } from './account/first-admin.js';
import { createApp } from './app.js';
import { AuditTrail } from './audit/audit-trail.js';
import { DeviceTokens } from './auth/device-tokens.js';
import { Cache } from './cache/cache.js';
import { openRedis, urlsOf } from './cache/redis.js';
import { type Config, DEVELOPMENT_ADMIN } from './config/config.js';
import { type Database, migrate, openDatabase, pendingMigrations } from './database/database.js';
import { purgeParts } from './deletion/purge.js';
import { type EventBus, inProcessBus } from './events/bus.js';
import { explainListening } from './http/listening.js';
import { AccessTokens } from './keys/access-token.js';
import { Acknowledgements } from './keys/acknowledgements.js';
import { firstKey } from './keys/key-files.js';
import { KeyFolder } from './keys/key-folder.js';
import { KeyRing } from './keys/key-ring.js';
import { pepperOf } from './keys/secrets.js';
import { signingKey } from './keys/signing-key.js';
import { createLog } from './log.js';
import type { Mailer } from './mail/mailer.js';
import { openMailer } from './mail/open-mailer.js';
import { Cursors } from './paging/cursor.js';
import { Passwords } from './password/password.js';
import type { Run } from './process/run.js';
import { inOneLine, StartFailure } from './process/start-failure.js';
import { RefreshTokens } from './session/refresh-token.js';
import { sessionLimits } from './session/session.service.js';
import { Counters } from './throttle/counters.js';
import { Throttles } from './throttle/throttles.js';

const MIGRATION_LOOK_MS = 2_000;

/** Starts the API, a step after the other; `run` ends what was started. */
export async function startApi(run: Run, config: Config): Promise<void> {
  const log = createLog(config.logLevel);
  const examples = await run.step(() => (config.production ? undefined : readExamples()));
  const pepper = await run.step(() => pepperOf(config));
  const keys = await run.step(() => openKeys(config, log));
  const { mailer, mailbox } = await run.step(
    () => openMailer(config),
    ({ mailer }) => mailer?.close(),
  );
  const database = await run.step(
    () => {
      const statementTimeoutMs = config.executionTimeoutSeconds * 1000;
      return openDatabase({ ...config, statementTimeoutMs }, databaseOptions);
    },
    ({ close }) => close(),
  );
  // In production a step of its own does this, before any instance starts.
  const migrated = await run.step(() =>
    config.production ? [] : migrate(database, config, () => log.warn('a migration waits for a table that is in use')),
  );

  const passwords = new Passwords({ pepper, cost: config.bcryptCost, minLength: config.passwordMinLength });
  const parts = purgeParts(config, pepper);
  const { auditDigests, ledger } = parts;
  const audit = new AuditTrail(database.em, auditDigests);
  const firstAdmin = async () =>
    config.admin !== null && (await ensureAdmin(database.em, audit, passwords, config.admin));
  let madeAdmin = false;
  if (await run.step(() => isMigrated(database))) madeAdmin = await run.step(firstAdmin);
  else void afterMigration(database, firstAdmin, log);

  const redis = await run.step(() => (config.redis ? openRedis(config.redis) : null));
  const cache = await run.step(() => (redis ? Cache.inRedis(redis, log) : Cache.inMemory(log)));
  const counters = new Counters(config.limits, redis, log);
  const app = await run.step(
    async () =>
      createApp({
        config,
        log,
        database,
        passwords,
        throttles: new Throttles(counters, pepper, log),
        tokens: new AccessTokens(keys, config.publicUrl),
        auditDigests,
        cursors: new Cursors(pepper),
        refreshTokens: new RefreshTokens(pepper),
        deviceTokens: new DeviceTokens(pepper),
        sessionLimits: sessionLimits(config),
        deletionGraceSeconds: config.deletionGraceSeconds,
        acknowledgements: new Acknowledgements(config.deletionParticipants),
        cache,
        redis,
        ledger,
        bus: await eventBus(config, { ...parts, em: database.em, audit, log }, mailer),
        mailbox,
        examples,
      }),
    (app) => {
      mailer?.close();
      return app.stop();
    },
  );
  const address = await run.step(() => app.start().catch(explainListening));
  log.info({ address, migrated: migrated.length, seconds: Math.round(process.uptime() * 10) / 10 }, 'API is ready');
  const isFirst = (cluster.worker?.id ?? 1) === 1;
  if (!config.production && isFirst) console.log(welcome(config, address, madeAdmin));
}

function openKeys({ jwtPrivateKey, jwtKeysDir, dataDir, production }: Config, log: Logger): KeyRing {
  if (jwtPrivateKey) return new KeyRing([signingKey(jwtPrivateKey)]);
  try {
    if (!production) firstKey(jwtKeysDir, join(dataDir, 'jwt-private-key.pem'));
    const keys = new KeyFolder(jwtKeysDir, log);
    keys.watch();
    return keys;
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    throw syscall
      ? new StartFailure(
          `JWT_KEYS_DIR, or DATA_DIR where it is not set, cannot be used (${code}): set a folder that this user can write to.`,
        )
      : error;
  }
}

function readExamples(): string {
  try {
    return readFileSync('examples.graphql', 'utf8');
  } catch {
    throw new StartFailure(
      'The file examples.graphql cannot be read: start in the folder of the project, or set NODE_ENV=production.',
    );
  }
}

async function isMigrated(database: Database): Promise<boolean> {
  return (await pendingMigrations(database)).length === 0;
}

/** The API is up and not ready until the migrations have run; then the first admin is made. */
async function afterMigration(database: Database, firstAdmin: () => Promise<boolean>, log: Logger): Promise<void> {
  log.warn('migrations are pending: run npm run migrate');
  try {
    while (!(await isMigrated(database))) await delay(MIGRATION_LOOK_MS, undefined, { ref: false });
    await firstAdmin();
    log.info('migrations are done');
  } catch (error) {
    log.error(
      { reason: inOneLine(error) },
      'first admin not made; start again when what stands in its way is put right',
    );
  }
}

async function eventBus(config: Config, parts: StepParts, mailer: Mailer | null): Promise<EventBus> {
  const { amqpUrls, publicUrl, production } = config;
  // Its 400 modules are loaded only where a broker is.
  if (amqpUrls) {
    const { rabbitBus } = await import('./events/rabbit-bus.js');
    return rabbitBus({ urls: amqpUrls, declares: !production }, parts.log);
  }
  const { inProcessConsumer } = await import('../consumer/in-process.js');
  // Only production may be without one, and it has a broker.
  return inProcessBus(await inProcessConsumer({ ...parts, mailer: mailer as Mailer, publicUrl }, config));
}

function welcome(config: Config, address: string, madeAdmin: boolean): string {
  const { databaseUrl, redis, amqpUrls, smtpUrl, dataDir, publicUrl, admin } = config;
  const part = (urls: string | string[] | null, real: string, embedded: string) =>
    urls
      ? `${real} at ${[urls]
          .flat()
          .map((url) => new URL(url).host)
          .join(', ')}`
      : embedded;
  const known = admin === DEVELOPMENT_ADMIN ? `${admin.email} / ${admin.password}` : admin?.email;
  return `
  Gatehouse        ${publicUrl}/graphql   (listening on ${address})
  Database         ${part(databaseUrl, 'PostgreSQL', `embedded, in ${join(dataDir, 'postgres')}`)}
  Cache            ${part(redis && urlsOf(redis), 'Redis', 'embedded, in memory')}
  Events           ${part(amqpUrls, 'RabbitMQ', 'embedded, handled in this process')}
  Mail             ${part(smtpUrl, 'SMTP', `embedded, shown at ${publicUrl}/dev/mail`)}
  Admin            ${known}${madeAdmin ? '   (made just now, for development only)' : ''}

  Open the address in a browser for Apollo Sandbox, or paste:

  curl -s ${publicUrl}/graphql -H 'content-type: application/json' \\
    -d '{"query":"mutation { login(input: {email: \\"${DEVELOPMENT_ADMIN.email}\\", password: \\"${DEVELOPMENT_ADMIN.password}\\"}) { accessToken user { email role { name } } } }"}'
`;
}
