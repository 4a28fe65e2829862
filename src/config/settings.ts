import { LIMITS } from '../throttle/limits.js';
import {
  clusterUrls,
  daysKept,
  duration,
  email,
  flag,
  key256,
  limits,
  networks,
  oneOf,
  origins,
  PROGRAMS,
  participants,
  privateKey,
  randomText,
  region,
  type Setting,
  s3Prefix,
  sender,
  setting,
  text,
  url,
  webhooks,
  whole,
} from './setting.js';

/** What browsers are told to use HTTPS for; `preload` is for their own lists. */
const HSTS_SCOPES = ['off', 'host', 'subdomains', 'preload'] as const;
const OPERATION_MODES = ['off', 'apq', 'trusted'] as const;
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/**
 * Every setting, in the order of `.env.example`. Each may also be given as NAME_FILE, the path of a file that holds it.
 * `docs/settings.md` is made from this.
 */
export const SETTINGS = {
  NODE_ENV: setting(text, null, {
    default: '`development`',
    description: 'Anything else is production, which refuses embedded parts and weak secrets.',
  }),
  HOST: setting(text, '127.0.0.1', {
    description: 'The address on which the API listens.',
  }),
  PORT: setting(whole(0, 65535), 4000, {
    description: 'The port on which the API listens; `0` is any free one, which the log tells.',
  }),
  WORKERS: setting(whole(1, 64), 1, {
    description:
      'Processes that share the port, for a machine without an orchestrator: one for each core. More than one need `DATABASE_URL` and `REDIS_URL`.',
  }),
  PUBLIC_URL: setting(url('http:', 'https:'), null, {
    default: '`http://localhost:4000`',
    description:
      "The API's address for clients. It is the issuer and audience of access tokens, and links in mails lead there.",
    needed: { by: ['api', 'consumer'], what: 'the issuer of tokens, and where links in mails lead' },
  }),
  DATA_DIR: setting(text, '.data', {
    description: "Folder of the embedded database, development's keys and its mailbox.",
  }),
  DATABASE_URL: setting(url('postgres:', 'postgresql:'), null, {
    default: 'embedded',
    description: 'PostgreSQL 15 or newer.',
    needed: {
      by: PROGRAMS.filter(
        (program) => !['keys:rotate', 'limits:show', 'limits:reset', 'events:replay'].includes(program),
      ),
      what: 'no embedded database',
    },
  }),
  DATABASE_REPLICA_URLS: setting(clusterUrls('postgres:', 'postgresql:'), null, {
    default: 'none',
    description:
      'Streaming replicas of `DATABASE_URL`, with commas between. Lists and counts are read there, and are never older than on the primary.',
  }),
  REDIS_URL: setting(clusterUrls('redis:', 'rediss:'), null, {
    default: 'in memory',
    description:
      'Redis 7 or newer. Several instances need it. Of a Redis Cluster the URLs of some nodes, with commas between.',
    needed: { by: ['api', 'limits:show', 'limits:reset'], what: 'no cache in memory' },
  }),
  REDIS_CLUSTER: setting(flag, false, {
    description: 'Whether `REDIS_URL` is of a Redis Cluster.',
  }),
  REDIS_SENTINEL_URLS: setting(clusterUrls('redis:', 'rediss:'), null, {
    description:
      'The URLs of the sentinels that watch Redis, with commas between. `REDIS_URL` then has the name of the primary for its host: `redis://:password@mymaster`.',
  }),
  AMQP_URL: setting(clusterUrls('amqp:', 'amqps:'), null, {
    default: 'in process',
    description: 'RabbitMQ 3.10 or newer; of a cluster the URLs of its nodes, with commas between.',
    needed: { by: ['api', 'consumer', 'events:replay'], what: 'no delivery in the same process' },
  }),
  SMTP_URL: setting(url('smtp:', 'smtps:'), null, {
    default: 'a mailbox at `/dev/mail`',
    description: 'The mail server, `smtp://` or `smtps://`. Without it, mail waits in production.',
  }),
  MAIL_FROM: setting(sender, null, {
    default: '`no-reply@` the host of `PUBLIC_URL`',
    description: 'The sender, with or without a name.',
  }),
  JWT_PRIVATE_KEY: setting(privateKey, null, {
    description: 'The one P-256 private key in PEM that signs access tokens; or `JWT_KEYS_DIR`.',
    needed: { by: ['api'], what: 'a P-256 private key in PEM; or JWT_KEYS_DIR, a folder of them' },
    isSecret: true,
  }),
  JWT_KEYS_DIR: setting(text, null, {
    default: '`keys` in `DATA_DIR`',
    description: 'A folder of such keys, in which `npm run keys:rotate` makes the next one.',
    needed: { by: ['keys:rotate'], what: 'a folder of P-256 private keys in PEM' },
  }),
  PASSWORD_PEPPER: setting(randomText, null, {
    default: 'made in development',
    description: 'Mixed into passwords before they are hashed; 32 characters or more. Without it no password fits.',
    needed: {
      by: [
        'api',
        'consumer',
        'admin:create',
        'admin:promote',
        'users:import',
        'audit:verify',
        'retention:run',
        'limits:show',
        'limits:reset',
        'deletions:replay',
      ],
      what: '32 characters or more, at random',
    },
    isSecret: true,
  }),
  PASSWORD_MIN_LENGTH: setting(whole(8, 64), 8, {
    description: 'Fewest characters of a new password, 8 to 64.',
  }),
  BCRYPT_COST: setting(whole(4, 15, 10), 12, {
    description: "bcrypt's work factor. Each step doubles the time of one hash.",
  }),
  SESSION_IDLE_DAYS: setting(whole(1, 365), 30, {
    description: 'A session without a refresh for this long ends.',
  }),
  SESSION_MAX_DAYS: setting(whole(1, 3650), 90, {
    description: 'A session ends after this time, however often it is refreshed.',
  }),
  SESSIONS_PER_USER: setting(whole(1, 1000), 30, {
    description: 'Most active sessions of an account. A sign-in beyond ends the least recently used one.',
  }),
  REFRESH_RETRY_SECONDS: setting(whole(10, 86_400), 3600, {
    description: 'For this long a refresh whose answer was lost can be tried again. `10` is the strict rule.',
  }),
  REFRESH_TOKEN_COOKIE: setting(flag, false, {
    description: '`true`: refresh tokens travel in a cookie, see [sessions](sessions.md#refresh-tokens-in-a-cookie).',
  }),
  EXECUTION_TIMEOUT_SECONDS: setting(whole(1, 300), 10, {
    description: 'A statement of the API ends after this time, and an operation begins no other field.',
  }),
  LIMITS: setting(limits, LIMITS, {
    default: 'see [limits](limits.md)',
    description:
      'JSON with other limits of attempts, such as `{"login":{"network":{"most":1000}}}`; best in a file, as `LIMITS_FILE`.',
  }),
  PERSISTED_OPERATIONS: setting(oneOf(OPERATION_MODES), 'apq', {
    description:
      '`apq`: clients may send a hash in the place of a document that was sent before. `trusted`: only documents of `OPERATIONS_MANIFEST` run. `off`: neither. See [persisted operations](persisted-operations.md).',
  }),
  OPERATIONS_MANIFEST: setting(text, null, {
    description: "The file with the documents of `trusted`: Apollo's manifest, or Relay's map. Read again on SIGUSR2.",
  }),
  ADMINS_SEND_ANYTHING: setting(flag, false, {
    description: '`true`: with `trusted`, admins may send any document.',
  }),
  EXPLORER: setting(flag, null, {
    default: '`true` in development, else `false`',
    description:
      '`true`: `/explorer/` shows the schema with its rules, and sends operations. It loads nothing from elsewhere.',
  }),
  CORS_ORIGINS: setting(origins, null, {
    description: 'Browser origins that may call the API, with commas between. Development adds Sandbox.',
  }),
  TRUST_PROXY: setting(networks, null, {
    description: 'Addresses or networks whose `X-Forwarded-For` and `X-Request-Id` are believed, with commas between.',
  }),
  HSTS: setting(oneOf(HSTS_SCOPES), null, {
    default: '`host` with HTTPS, else `off`',
    description:
      'For what browsers are told to use HTTPS alone: `off`, `host`, `subdomains`, `preload`. They keep it for a year.',
  }),
  METRICS_TOKEN: setting(randomText, null, {
    description:
      'With it there is `/metrics` for Prometheus, which sends it as its bearer token; 32 characters or more. See [metrics](deployment.md#metrics).',
    isSecret: true,
  }),
  DELETION_GRACE: setting(duration, 0, {
    default: '`P0D`',
    description:
      'For how long a deletion can be taken back, such as `P30D`. Then the data are purged, see [deletion](deletion.md).',
  }),
  DELETION_ATTEMPTS: setting(whole(1, 100), 12, {
    description: 'How often a step of a deletion is tried before it is FAILED. The pauses grow up to ten minutes.',
  }),
  DELETION_WEBHOOKS: setting(webhooks, [], {
    description:
      'Systems that are told of deletions, as JSON: `[{"name":"crm","url":"https://crm.example.com/deleted","secret":"whsec_…"}]`; best in a file, as `DELETION_WEBHOOKS_FILE`.',
    isSecret: true,
  }),
  DELETION_PARTICIPANTS: setting(participants, [], {
    description:
      'Services that erase what they hold and acknowledge it, in the same form; the `url` may be left out. See [participants](participants.md).',
    isSecret: true,
  }),
  DELETION_WEBHOOKS_PRIVATE: setting(flag, false, {
    description: '`true`: webhooks, and those of participants, may lead to addresses of the own network.',
  }),
  DELETION_DEADLINE: setting(duration, 30 * 86_400, {
    default: '`P30D`',
    description: 'How long a deletion may take before it is announced as overdue.',
  }),
  DELETION_LEDGER: setting(text, null, {
    description:
      'A file outside the database that holds who was erased, as digests: after the restore of a backup they are erased again. See [deletion](deletion.md#backups).',
  }),
  DELETION_ARCHIVE_DIR: setting(text, null, {
    description:
      'A folder for what was held about deleted users, encrypted with `DELETION_ARCHIVE_KEY`. Without it nothing is kept.',
  }),
  DELETION_ARCHIVE_S3: setting(s3Prefix, null, {
    description:
      'In place of the folder, a bucket on S3 or on a store with its protocol, such as `s3://my-bucket/deleted`. See [archive](deletion.md#archive).',
  }),
  AWS_REGION: setting(region, null, {
    description: 'The region of the bucket, such as `eu-central-1`.',
  }),
  AWS_ENDPOINT_URL_S3: setting(url('https:', 'http:'), null, {
    description: 'Where the store is, if it is not AWS.',
  }),
  DELETION_ARCHIVE_KEY: setting(key256, null, {
    description: '32 bytes in base64, such as `openssl rand -base64 32` makes.',
    isSecret: true,
  }),
  DELETION_ARCHIVE_DAYS: setting(whole(1, 3650), 30, {
    description: 'Days that a file of the archive is kept.',
  }),
  RETENTION_SESSIONS_DAYS: setting(daysKept(1), 30, {
    description: 'Days that a session is kept after its end; `0` is for ever.',
  }),
  // A mail is tried for five days, and an event may come again after as many; both are to be known then.
  RETENTION_EVENTS_DAYS: setting(daysKept(7), 30, {
    description: 'The same for published events and the ids of handled ones; `0`, or `7` and more.',
  }),
  RETENTION_MAILS_DAYS: setting(daysKept(7), 30, {
    description: 'The same for mails that are done, with their links; `0`, or `7` and more.',
  }),
  RETENTION_AUDIT_DAYS: setting(daysKept(1), 0, {
    description: 'The same for audit events. The events that are kept still verify.',
  }),
  LOG_LEVEL: setting(oneOf(LOG_LEVELS), 'info', {
    description: '`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.',
  }),
  ADMIN_EMAIL: setting(email, null, {
    description:
      'The first admin, made at the start if there is none. Later: `npm run admin:create` or `admin:promote`.',
  }),
  ADMIN_PASSWORD: setting(text, null, {
    description: 'Their password: 12 characters or more, and no common one.',
    isSecret: true,
  }),
};

export type SettingName = keyof typeof SETTINGS;

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

/** The value of each setting, or what is used without one. */
export type Values = {
  [Name in SettingName]: (typeof SETTINGS)[Name] extends Setting<infer T, infer Fallback> ? T | Fallback : never;
};
