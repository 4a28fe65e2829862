import './node-version.js';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { handleInProcess } from '../consumer/in-process.js';
import { createApp } from './app.js';
import { firstKey } from './auth/key-files.js';
import { KeyFolder } from './auth/key-folder.js';
import { KeyRing } from './auth/key-ring.js';
import { Passwords } from './auth/password.js';
import { signingKey } from './auth/signing-key.js';
import { AccessTokens } from './auth/token.js';
import { Cache } from './cache.js';
import { type Config, DEVELOPMENT_ADMIN } from './config.js';
import { migrate, openDatabase, pendingMigrations } from './database.js';
import { type EventBus, inProcessBus } from './events/bus.js';
import { rabbitBus } from './events/rabbit-bus.js';
import { createLog } from './log.js';
import type { Mailer } from './mail/mailer.js';
import { openMailer } from './mail/open-mailer.js';
import { configOrExit, orExit, stopOnSignal } from './process.js';
import { createSchema } from './schema.js';
import { secretFile } from './secrets.js';
import { RefreshTokens } from './session/refresh-token.js';
import { Cursors } from './user/cursor.js';
import { ensureAdmin } from './user/first-admin.js';

const MIGRATION_LOOK_MS = 2_000;
const DAY_MS = 24 * 60 * 60 * 1000;

const config = configOrExit('api');
const log = createLog(config.logLevel);
const database = await orExit(openDatabase(config));
// In production a step of its own does this, before any instance starts.
const migrated = config.production ? [] : await orExit(migrate(database, config));

const pepper = config.passwordPepper ?? secretFile(config.dataDir, 'password-pepper');
const passwords = new Passwords({ pepper, cost: config.bcryptCost, minLength: config.passwordMinLength });
const keys = await orExit(openKeys(config));
const firstAdmin = async () => config.admin !== null && (await ensureAdmin(database.em, passwords, config.admin));
let madeAdmin = false;
if (await isMigrated()) madeAdmin = await firstAdmin();
else void afterMigration();

const { mailer, mailbox } = openMailer(config);
const app = await createApp({
  config,
  log,
  database,
  passwords,
  tokens: new AccessTokens(keys, config.publicUrl),
  cursors: new Cursors(pepper),
  refreshTokens: new RefreshTokens(pepper),
  sessionLifetimes: { idleMs: config.sessionIdleDays * DAY_MS, maxMs: config.sessionMaxDays * DAY_MS },
  cache: config.redisUrl ? await Cache.inRedis(config.redisUrl, log) : Cache.inMemory(log),
  bus: eventBus(config, log),
  schema: createSchema(),
  mailbox,
  examples: config.production ? undefined : readFileSync('examples.graphql', 'utf8'),
});
stopOnSignal(() => {
  mailer?.close();
  return app.stop();
});
const address = await app.start();
log.info({ address, migrated: migrated.length, seconds: Math.round(process.uptime() * 10) / 10 }, 'API is ready');
if (!config.production) console.log(welcome(config, address));

async function openKeys({ jwtPrivateKey, jwtKeysDir, dataDir, production }: Config): Promise<KeyRing> {
  if (jwtPrivateKey) return new KeyRing([signingKey(jwtPrivateKey)]);
  if (!production) firstKey(jwtKeysDir, join(dataDir, 'jwt-private-key.pem'));
  const keys = new KeyFolder(jwtKeysDir, log);
  keys.watch();
  return keys;
}

async function isMigrated(): Promise<boolean> {
  return (await pendingMigrations(database)).length === 0;
}

/** The API is up and not ready until the migrations have run; whoever was to be the first admin is made then. */
async function afterMigration(): Promise<void> {
  log.warn('migrations are pending: run npm run migrate');
  try {
    while (!(await isMigrated())) await delay(MIGRATION_LOOK_MS, undefined, { ref: false });
    await firstAdmin();
    log.info('migrations are done');
  } catch (error) {
    log.error({ err: error }, 'first admin not made; start again when the database is back');
  }
}

function eventBus({ amqpUrl, publicUrl }: Config, log: Logger): EventBus {
  if (amqpUrl) return rabbitBus(amqpUrl, log);
  // Only production may be without one, and it has a broker.
  return inProcessBus(handleInProcess({ em: database.em, mailer: mailer as Mailer, publicUrl, log }));
}

function welcome(config: Config, address: string): string {
  const { databaseUrl, redisUrl, amqpUrl, smtpUrl, dataDir, publicUrl, admin } = config;
  const part = (url: string | null, real: string, embedded: string) =>
    url ? `${real} at ${new URL(url).host}` : embedded;
  const known = admin === DEVELOPMENT_ADMIN ? `${admin.email} / ${admin.password}` : admin?.email;
  return `
  Gatehouse        ${publicUrl}/graphql   (listening on ${address})
  Database         ${part(databaseUrl, 'PostgreSQL', `embedded, in ${join(dataDir, 'postgres')}`)}
  Cache            ${part(redisUrl, 'Redis', 'embedded, in memory')}
  Events           ${part(amqpUrl, 'RabbitMQ', 'embedded, handled in this process')}
  Mail             ${part(smtpUrl, 'SMTP', `embedded, shown at ${publicUrl}/dev/mail`)}
  Admin            ${known}${madeAdmin ? '   (made just now, for development only)' : ''}

  Open the address in a browser for Apollo Sandbox, or paste:

  curl -s ${publicUrl}/graphql -H 'content-type: application/json' \\
    -d '{"query":"mutation { login(input: {email: \\"${DEVELOPMENT_ADMIN.email}\\", password: \\"${DEVELOPMENT_ADMIN.password}\\"}) { accessToken user { email role { name } } } }"}'
`;
}
