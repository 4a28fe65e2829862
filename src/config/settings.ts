interface Description {
  /** The value that is used without one, in words of the documentation; null where there is none. */
  default: string | null;
  description: string;
}

/**
 * Every setting, in the order of `.env.example`. Each may also be given as NAME_FILE, the path of a file that holds it.
 * `docs/settings.md` is made from this.
 */
export const SETTINGS = {
  NODE_ENV: {
    default: '`development`',
    description: 'Anything else is production, which refuses embedded parts and weak secrets.',
  },
  HOST: { default: '`127.0.0.1`', description: 'The address on which the API listens.' },
  PORT: {
    default: '`4000`',
    description: 'The port on which the API listens; `0` is any free one, which the log tells.',
  },
  PUBLIC_URL: {
    default: '`http://localhost:4000`',
    description:
      "The API's address for clients. It is the issuer and audience of access tokens, and links in mails lead there.",
  },
  DATA_DIR: { default: '`.data`', description: "Folder of the embedded database, development's keys and its mailbox." },
  DATABASE_URL: { default: 'embedded', description: 'PostgreSQL 15 or newer.' },
  REDIS_URL: { default: 'in memory', description: 'Redis. Several instances need it.' },
  AMQP_URL: { default: 'in process', description: 'RabbitMQ 3.10 or newer.' },
  SMTP_URL: {
    default: 'a mailbox at `/dev/mail`',
    description: 'The mail server, `smtp://` or `smtps://`. Without it, mail waits in production.',
  },
  MAIL_FROM: { default: '`no-reply@` the host of `PUBLIC_URL`', description: 'The sender, with or without a name.' },
  JWT_PRIVATE_KEY: {
    default: null,
    description: 'The one P-256 private key in PEM that signs access tokens; or `JWT_KEYS_DIR`.',
  },
  JWT_KEYS_DIR: {
    default: '`keys` in `DATA_DIR`',
    description: 'A folder of such keys, in which `npm run keys:rotate` makes the next one.',
  },
  PASSWORD_PEPPER: {
    default: 'made in development',
    description: 'Mixed into passwords before they are hashed; 32 characters or more. Without it no password fits.',
  },
  PASSWORD_MIN_LENGTH: { default: '`8`', description: 'Fewest characters of a new password, 8 to 64.' },
  BCRYPT_COST: { default: '`12`', description: "bcrypt's work factor. Each step doubles the time of one hash." },
  SESSION_IDLE_DAYS: { default: '`30`', description: 'A session without a refresh for this long ends.' },
  SESSION_MAX_DAYS: { default: '`90`', description: 'A session ends after this time, however often it is refreshed.' },
  SESSIONS_PER_USER: {
    default: '`30`',
    description: 'Most active sessions of an account. A sign-in beyond ends the least recently used one.',
  },
  REFRESH_RETRY_SECONDS: {
    default: '`3600`',
    description: 'For this long a refresh whose answer was lost can be tried again. `10` is the strict rule.',
  },
  REFRESH_TOKEN_COOKIE: {
    default: '`false`',
    description: '`true`: refresh tokens travel in a cookie, see [sessions](sessions.md#refresh-tokens-in-a-cookie).',
  },
  CORS_ORIGINS: {
    default: null,
    description: 'Browser origins that may call the API, with commas between. Development adds Sandbox.',
  },
  TRUST_PROXY: {
    default: null,
    description: 'Addresses or networks whose `X-Forwarded-For` and `X-Request-Id` are believed, with commas between.',
  },
  HSTS: {
    default: '`host` with HTTPS, else `off`',
    description:
      'For what browsers are told to use HTTPS alone: `off`, `host`, `subdomains`, `preload`. They keep it for a year.',
  },
  RETENTION_SESSIONS_DAYS: {
    default: '`30`',
    description: 'Days that a session is kept after its end; `0` is for ever.',
  },
  RETENTION_EVENTS_DAYS: {
    default: '`30`',
    description: 'The same for published events and the ids of handled ones; `0`, or `7` and more.',
  },
  RETENTION_MAILS_DAYS: {
    default: '`30`',
    description: 'The same for mails that are done, with their links; `0`, or `7` and more.',
  },
  RETENTION_AUDIT_DAYS: {
    default: '`0`',
    description: 'The same for audit events. The events that are kept still verify.',
  },
  LOG_LEVEL: { default: '`info`', description: '`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.' },
  ADMIN_EMAIL: {
    default: null,
    description:
      'The first admin, made at the start if there is none. Later: `npm run admin:create` or `admin:promote`.',
  },
  ADMIN_PASSWORD: { default: null, description: 'Their password: 12 characters or more, and no common one.' },
} as const satisfies Record<string, Description>;

export type Setting = keyof typeof SETTINGS;

export const SETTING_NAMES = Object.keys(SETTINGS) as Setting[];

/** What each program needs in production. A consumer holds no key that signs tokens. */
export const NEEDED = {
  api: ['PUBLIC_URL', 'DATABASE_URL', 'REDIS_URL', 'AMQP_URL', 'JWT_PRIVATE_KEY', 'PASSWORD_PEPPER'],
  consumer: ['PUBLIC_URL', 'DATABASE_URL', 'AMQP_URL'],
  migrate: ['DATABASE_URL'],
  'admin:create': ['DATABASE_URL', 'PASSWORD_PEPPER'],
  'admin:promote': ['DATABASE_URL', 'PASSWORD_PEPPER'],
  'users:import': ['DATABASE_URL', 'PASSWORD_PEPPER'],
  'audit:verify': ['DATABASE_URL', 'PASSWORD_PEPPER'],
  'retention:run': ['DATABASE_URL', 'PASSWORD_PEPPER'],
  'keys:rotate': ['JWT_KEYS_DIR'],
} satisfies Record<string, Setting[]>;
export type Program = keyof typeof NEEDED;
