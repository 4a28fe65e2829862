// Settings are parsed, completed and refused all at once; environments of every kind are loaded.

import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ConfigError, DEVELOPMENT_ADMIN, loadConfig } from '../../src/config/config.js';
import type { Program } from '../../src/config/setting.js';
import { SETTING_NAMES } from '../../src/config/settings.js';
import { temporaryFolder } from '../support/once-per-run.js';

const pem = (namedCurve: string) =>
  generateKeyPairSync('ec', { namedCurve }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

const PRODUCTION = {
  NODE_ENV: 'production',
  PUBLIC_URL: 'https://id.example.com',
  DATABASE_URL: 'postgres://gatehouse:pw@db/gatehouse',
  REDIS_URL: 'rediss://:pw@cache:6380',
  AMQP_URL: 'amqps://gatehouse:pw@broker/identity',
  JWT_PRIVATE_KEY: pem('P-256'),
  PASSWORD_PEPPER: 'Zq3v9tXw5yBkN2mR8sJ4dF6hL1pC7gAe',
};

function problems(env: NodeJS.ProcessEnv): string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** The settings that are complained of. */
const namesToldOf = (env: NodeJS.ProcessEnv) =>
  problems(env)
    .map((problem) => problem.split(' ')[0])
    .sort();

describe('settings', () => {
  test('none at all mean development, on embedded parts', () => {
    expect(loadConfig({})).toMatchObject({
      production: false,
      host: '127.0.0.1',
      port: 4000,
      publicUrl: 'http://localhost:4000',
      databaseUrl: null,
      redis: null,
      amqpUrls: null,
      smtpUrl: null,
      mailFrom: 'Gatehouse <no-reply@localhost>',
      admin: DEVELOPMENT_ADMIN,
      corsOrigins: ['https://studio.apollographql.com'],
      trustProxy: [],
    });
  });

  test.each(['production', 'prod', 'developement', 'test', 'Development'])(
    'NODE_ENV=%s means production',
    (NODE_ENV) => {
      expect(loadConfig({ ...PRODUCTION, NODE_ENV }).production).toBe(true);
    },
  );

  test('are complete for production', () => {
    expect(problems(PRODUCTION)).toEqual([]);
    expect(loadConfig(PRODUCTION)).toMatchObject({ admin: null, corsOrigins: [] });
  });

  test('that are missing in production are all named at once', () => {
    expect(namesToldOf({ NODE_ENV: 'production' })).toEqual(
      Object.keys(PRODUCTION)
        .filter((name) => name !== 'NODE_ENV')
        .sort(),
    );
  });

  test.each<[Program, string[]]>([
    ['consumer', ['AMQP_URL', 'DATABASE_URL', 'PASSWORD_PEPPER', 'PUBLIC_URL']],
    ['migrate', ['DATABASE_URL']],
    ['admin:create', ['DATABASE_URL', 'PASSWORD_PEPPER']],
    ['admin:promote', ['DATABASE_URL', 'PASSWORD_PEPPER']],
    ['users:import', ['DATABASE_URL', 'PASSWORD_PEPPER']],
    ['audit:verify', ['DATABASE_URL', 'PASSWORD_PEPPER']],
    ['retention:run', ['DATABASE_URL', 'PASSWORD_PEPPER']],
    ['keys:rotate', ['JWT_KEYS_DIR']],
  ])('%s needs only %j in production', (program, needed) => {
    expect(() => loadConfig({ NODE_ENV: 'production' }, program)).toThrow(ConfigError);
    const all = { ...PRODUCTION, JWT_KEYS_DIR: '/secrets/keys' };
    const env = Object.fromEntries(Object.entries(all).filter(([name]) => needed.includes(name)));

    expect(loadConfig({ ...env, NODE_ENV: 'production' }, program).production).toBe(true);
  });

  test.each<[string, string]>([
    ['PORT', '99999'],
    ['PORT', '4000; rm'],
    ['WORKERS', '0'],
    ['WORKERS', '65'],
    ['WORKERS', '1.5'],
    ['WORKERS', 'secret'],
    ['PUBLIC_URL', 'id.example.com'],
    ['PUBLIC_URL', 'https:/id.example.com'],
    ['PUBLIC_URL', 'https:id.example.com'],
    ['PUBLIC_URL', 'HTTPS://id.example.com'],
    ['DATABASE_URL', 'postgres:/localhost/gatehouse'],
    ['DATABASE_URL', 'mysql://secret@db'],
    ['REDIS_URL', 'http://secret'],
    ['AMQP_URL', 'localhost:5672'],
    ['AMQP_URL', ','],
    ['AMQP_URL', 'amqp://a:secret@one/x,amqp://a:secret@two/y'],
    ['AMQP_URL', 'amqp://a:secret@one/x,amqps://a:secret@two/x'],
    ['AMQP_URL', 'amqp://a:secret@one/x,amqp://b:secret@two/x'],
    ['AMQP_URL', 'amqp://a:secret@one/x,secret'],
    ['SMTP_URL', 'secret@mail.example.com'],
    ['MAIL_FROM', 'secret'],
    ['MAIL_FROM', 'a@example.com, b@example.com'],
    ['MAIL_FROM', 'Gatehouse <no-reply@example.com>\r\nBcc: secret@example.com'],
    ['MAIL_FROM', '\u202esecret <no-reply@example.com>'],
    ['MAIL_FROM', '\u3164 <secret@example.com>'],
    ['MAIL_FROM', 'Gatehouse <secret@xn--a.example>'],
    ['JWT_PRIVATE_KEY', 'secret'],
    ['JWT_PRIVATE_KEY', pem('P-384')],
    ['PASSWORD_PEPPER', 'secret'],
    ['PASSWORD_PEPPER', 'a'.repeat(64)],
    ['PASSWORD_MIN_LENGTH', '4'],
    ['BCRYPT_COST', '9'],
    ['BCRYPT_COST', '12.5'],
    ['CORS_ORIGINS', 'https://app.example.com/path'],
    ['CORS_ORIGINS', '*'],
    ['SESSIONS_PER_USER', '0'],
    ['SESSIONS_PER_USER', '1001'],
    ['REFRESH_RETRY_SECONDS', '9'],
    ['REFRESH_RETRY_SECONDS', '86401'],
    ['REFRESH_TOKEN_COOKIE', 'yes'],
    ['REFRESH_TOKEN_COOKIE', 'True'],
    ['TRUST_PROXY', 'true'],
    ['TRUST_PROXY', '10.0.0.0/40'],
    ['RETENTION_SESSIONS_DAYS', '-1'],
    ['RETENTION_EVENTS_DAYS', '6'],
    ['RETENTION_MAILS_DAYS', '6'],
    ['RETENTION_MAILS_DAYS', '7.5'],
    ['RETENTION_AUDIT_DAYS', 'secret'],
    ['LOG_LEVEL', 'loud'],
    ['LOG_LEVEL', '"info"'],
    ['PUBLIC_URL', 'https://id.example.com?secret'],
    ['PUBLIC_URL', 'https://id.example.com/#secret'],
    ['PUBLIC_URL', 'https://user:secret@id.example.com'],
    ['PUBLIC_URL', 'https://id.example.com.'],
    ['PUBLIC_URL', "'https://id.example.com'"],
    ['DATABASE_URL', 'postgres://a:secret@db/x?sslmode=requrie'],
    ['DATABASE_URL', 'postgres://a:secret%zz@db/x'],
    ['DATABASE_URL', 'postgres://a:sec#ret@db/x'],
    ['DATABASE_REPLICA_URLS', 'mysql://secret@db'],
    ['DATABASE_REPLICA_URLS', 'postgres://a:secret@one/x,postgres://a:secret@two/y'],
    ['REDIS_URL', 'redis://cache/secret'],
    ['REDIS_URL', 'redis://a:secret@one,redis://b:secret@two'],
    ['REDIS_CLUSTER', 'yes, secret'],
    ['REDIS_SENTINEL_URLS', 'secret:26379'],
    ['REDIS_SENTINEL_URLS', 'redis://:secret@one,rediss://:secret@two'],
    ['AMQP_URL', 'amqp://broker/%zz'],
    ['SMTP_URL', 'smtp://mail.example.com/secret'],
    ['SESSION_IDLE_DAYS', '91'],
    ['SESSION_IDLE_DAYS', '0'],
    ['HSTS', 'secret'],
    ['HSTS', 'true'],
    ['CORS_ORIGINS', 'null'],
    ['CORS_ORIGINS', 'https://app.example.com/'],
    ['CORS_ORIGINS', 'ftp://app.example.com'],
    ['TRUST_PROXY', '0.0.0.0/0'],
    ['TRUST_PROXY', '10.0.0.1,::/0'],
    ['TRUST_PROXY', '0000:0::/0'],
    ['TRUST_PROXY', '::ffff:0.0.0.0/96'],
    ['TRUST_PROXY', '::ffff:10.0.0.0/8'],
    ['TRUST_PROXY', '10.0.0.1:80'],
    ['TRUST_PROXY', '[fd00::1]'],
    ['TRUST_PROXY', '010.0.0.1'],
    ['JWT_PRIVATE_KEY', '-----BEGIN PUBLIC KEY-----\nsecret\n-----END PUBLIC KEY-----'],
    ['DELETION_ARCHIVE_S3', 'secret'],
    ['DELETION_ARCHIVE_S3', 'https://secret.s3.amazonaws.com/'],
    ['DELETION_ARCHIVE_S3', 's3://secret_bucket'],
    ['DELETION_ARCHIVE_S3', 's3://kept/../secret'],
    ['DELETION_ARCHIVE_S3', 's3://kept/a b'],
    ['DELETION_ARCHIVE_KEY', 'secret'],
    ['AWS_REGION', 'eu central secret'],
    ['AWS_ENDPOINT_URL_S3', 's3.example.com'],
    ['AWS_ENDPOINT_URL_S3', 'https://a:secret@s3.example.com'],
    ['SESION_MAX_DAYS', '7'],
    ['SESSION_MAX_DAY', '7'],
    ['SESSION_MXA_DAYS', '7'],
    ['CORS_ORIGIN_FILE', '/secret'],
  ])('%s=%s is refused, by its name and without its value', (name, value) => {
    const found = problems({ ...PRODUCTION, [name]: value });

    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${name} `));
    expect(found[0]).not.toContain('secret');
  });

  test('that contradict each other are all told at once', () => {
    const found = namesToldOf({
      ...PRODUCTION,
      PUBLIC_URL: 'http://192.0.2.1',
      HSTS: 'subdomains',
      REFRESH_TOKEN_COOKIE: 'true',
      SMTP_URL: 'smtp://mail.example.com',
      SESSION_IDLE_DAYS: '10',
      SESSION_MAX_DAYS: '9',
    });

    expect(found).toEqual(['HSTS', 'MAIL_FROM', 'REFRESH_TOKEN_COOKIE', 'SESSION_IDLE_DAYS'].sort());
  });

  const SENTINELS = 'redis://:of-sentinels@one:26380,redis://:of-sentinels@two';

  test.each([
    [{ REDIS_URL: 'redis://:pw@cache/2' }, { kind: 'server', url: 'redis://:pw@cache/2' }],
    [
      { REDIS_URL: 'redis://:pw@one:7000, redis://:pw@two', REDIS_CLUSTER: 'true' },
      { kind: 'cluster', urls: ['redis://:pw@one:7000', 'redis://:pw@two'] },
    ],
    [
      { REDIS_URL: 'rediss://one/0', REDIS_CLUSTER: 'true' },
      { kind: 'cluster', urls: ['rediss://one/0'] },
    ],
    [
      { REDIS_URL: 'redis://:pw@my_Master.1', REDIS_SENTINEL_URLS: SENTINELS },
      { kind: 'sentinels', url: 'redis://:pw@my_Master.1', sentinelUrls: SENTINELS.split(',') },
    ],
  ])('Redis is where %j says', (given, redis) => {
    expect(loadConfig({ ...PRODUCTION, ...given }).redis).toEqual(redis);
  });

  test.each([
    [{ REDIS_URL: 'redis://one,redis://two' }, ['REDIS_URL']],
    [{ REDIS_URL: 'redis://one/1', REDIS_CLUSTER: 'true' }, ['REDIS_URL']],
    [{ REDIS_URL: 'redis://one', REDIS_CLUSTER: 'true', REDIS_SENTINEL_URLS: SENTINELS }, ['REDIS_SENTINEL_URLS']],
    [{ REDIS_URL: 'redis://mymaster:6379', REDIS_SENTINEL_URLS: SENTINELS }, ['REDIS_URL']],
    [{ REDIS_URL: 'redis:///0', REDIS_SENTINEL_URLS: SENTINELS }, ['REDIS_URL']],
    [{ REDIS_URL: 'redis://one,redis://two', REDIS_SENTINEL_URLS: SENTINELS }, ['REDIS_URL']],
    [{ DATABASE_URL: '', DATABASE_REPLICA_URLS: 'postgres://one/x' }, ['DATABASE_REPLICA_URLS', 'DATABASE_URL']],
    [{ REDIS_URL: '', REDIS_CLUSTER: 'true' }, ['REDIS_CLUSTER', 'REDIS_URL']],
    [{ REDIS_URL: '', REDIS_SENTINEL_URLS: SENTINELS }, ['REDIS_SENTINEL_URLS', 'REDIS_URL']],
  ])('what belongs together is told: of %j, told is %j', (given, names) => {
    expect(namesToldOf({ ...PRODUCTION, ...given })).toEqual(names);
  });

  const KEY = Buffer.alloc(32, 1).toString('base64');

  test.each([
    [{ DELETION_ARCHIVE_DIR: '/kept' }, ['DELETION_ARCHIVE_KEY']],
    [{ DELETION_ARCHIVE_KEY: KEY }, ['DELETION_ARCHIVE_KEY']],
    [{ DELETION_ARCHIVE_S3: 's3://kept' }, ['AWS_REGION', 'DELETION_ARCHIVE_KEY']],
    [{ DELETION_ARCHIVE_S3: 's3://kept', DELETION_ARCHIVE_KEY: KEY }, ['AWS_REGION']],
    [
      { DELETION_ARCHIVE_S3: 's3://kept', DELETION_ARCHIVE_DIR: '/kept', DELETION_ARCHIVE_KEY: KEY, AWS_REGION: 'a' },
      ['DELETION_ARCHIVE_DIR'],
    ],
  ])('an archive is whole: of %j, told is %j', (given, names) => {
    expect(namesToldOf({ ...PRODUCTION, ...given })).toEqual(names);
  });

  test.each([
    ['s3://kept', ''],
    ['s3://kept/', ''],
    ['s3://kept/of/users', 'of/users/'],
    ['s3://kept//of//users//', 'of/users/'],
  ])('the archive %s begins its names with "%s"', (archive, prefix) => {
    const given = { DELETION_ARCHIVE_S3: archive, DELETION_ARCHIVE_KEY: KEY, AWS_REGION: 'eu-central-1' };
    const place = { bucket: 'kept', prefix, region: 'eu-central-1', endpoint: null };

    expect(loadConfig(given).deletionArchive).toEqual({ place, key: new Uint8Array(32).fill(1), days: 30 });
  });

  test('a shorter longest life shortens the idle one that was not given', () => {
    expect(loadConfig({ SESSION_MAX_DAYS: '7' })).toMatchObject({ sessionIdleDays: 7, sessionMaxDays: 7 });
    expect(loadConfig({ SESSION_MAX_DAYS: '60' })).toMatchObject({ sessionIdleDays: 30, sessionMaxDays: 60 });
  });

  test('HSTS is for the host alone unless told, and for none without HTTPS', () => {
    const http = { ...PRODUCTION, PUBLIC_URL: 'http://localhost' };

    expect(loadConfig(PRODUCTION).hsts).toBe('host');
    expect(loadConfig(http).hsts).toBe('off');
    expect(loadConfig({ ...http, REFRESH_TOKEN_COOKIE: 'true' }).refreshTokenCookie).toBe(true);
    expect(loadConfig({ ...PRODUCTION, HSTS: 'preload' }).hsts).toBe('preload');
  });

  test('of others are left alone: those that are nowhere near, and those beside one that is set', () => {
    expect(problems({ ...PRODUCTION, REDIS_URI: 'x', HOSTS: 'x', POST: 'x', PATH: 'x', XDG_DATA_DIRS: 'x' })).toEqual(
      [],
    );
  });

  test.each(['admin1234', 'password1234', 'short'])(
    'production takes no admin with the password %s',
    (ADMIN_PASSWORD) => {
      expect(problems({ ...PRODUCTION, ADMIN_EMAIL: 'root@example.com', ADMIN_PASSWORD })).toHaveLength(1);
    },
  );

  test.each([
    ['ADMIN_EMAIL', 'no address', { ADMIN_EMAIL: 'secret' }],
    ['ADMIN_EMAIL', 'an address that is too long', { ADMIN_EMAIL: `${'a'.repeat(250)}@example.com` }],
    ['ADMIN_PASSWORD', 'a text that is too long', { ADMIN_PASSWORD: 'secret '.repeat(20) }],
    [
      'ADMIN_PASSWORD',
      'the address',
      { ADMIN_PASSWORD: 'root.secret@example.com', ADMIN_EMAIL: 'Root.Secret@example.com' },
    ],
    ['ADMIN_PASSWORD', 'shorter than any', { ADMIN_PASSWORD: 'seven77' }],
    [
      'ADMIN_PASSWORD',
      'shorter than PASSWORD_MIN_LENGTH',
      { ADMIN_PASSWORD: 'secret and short', PASSWORD_MIN_LENGTH: '20' },
    ],
  ])('%s that is %s is refused, in development too', (name, _, settings) => {
    const admin = { ADMIN_EMAIL: 'root@example.com', ADMIN_PASSWORD: 'a first admin of settings', ...settings };

    for (const env of [{ ...PRODUCTION, ...admin }, admin]) {
      const found = problems(env);
      expect(found).toHaveLength(1);
      expect(found[0]).toMatch(new RegExp(`^${name} `));
      expect(found[0]).not.toContain('secret');
    }
  });

  test('the address of the first admin has one spelling, and development keeps its known password', () => {
    const admin = { ADMIN_EMAIL: ' Root@Example.COM', ADMIN_PASSWORD: DEVELOPMENT_ADMIN.password };

    expect(loadConfig(admin).admin).toEqual({ email: 'root@example.com', password: DEVELOPMENT_ADMIN.password });
  });

  test('the key that signs is one, or lies in a folder of them', () => {
    const { JWT_PRIVATE_KEY, ...others } = PRODUCTION;
    const JWT_KEYS_DIR = '/secrets/keys';

    expect(loadConfig({ ...others, JWT_KEYS_DIR })).toMatchObject({ jwtPrivateKey: null, jwtKeysDir: JWT_KEYS_DIR });
    expect(loadConfig({ DATA_DIR: 'data' })).toMatchObject({ jwtPrivateKey: null, jwtKeysDir: 'data/keys' });
    expect(problems(others)).toEqual([expect.stringMatching(/^JWT_PRIVATE_KEY is required .* JWT_KEYS_DIR/)]);
    for (const env of [PRODUCTION, { JWT_PRIVATE_KEY }])
      expect(problems({ ...env, JWT_KEYS_DIR })).toEqual([expect.stringMatching(/^JWT_PRIVATE_KEY and JWT_KEYS_DIR /)]);
  });

  test('what is over is kept for thirty days, for others, or for ever', () => {
    const days = (text?: string) =>
      loadConfig({ RETENTION_SESSIONS_DAYS: text, RETENTION_EVENTS_DAYS: text, RETENTION_MAILS_DAYS: text }).retention;

    expect(days()).toMatchObject({ sessionsDays: 30, eventsDays: 30, mailsDays: 30, auditDays: 0 });
    expect(days('7')).toMatchObject({ sessionsDays: 7, eventsDays: 7, mailsDays: 7 });
    expect(days('0')).toMatchObject({ sessionsDays: 0, eventsDays: 0, mailsDays: 0 });
  });

  test('refresh tokens travel in the payload unless a cookie is asked for', () => {
    const inCookie = (REFRESH_TOKEN_COOKIE?: string) => loadConfig({ REFRESH_TOKEN_COOKIE }).refreshTokenCookie;

    expect([inCookie(), inCookie(''), inCookie('false'), inCookie('true')]).toEqual([false, false, false, true]);
  });

  test('mail comes from the host of PUBLIC_URL, or from MAIL_FROM', () => {
    const MAIL_FROM = '게이트하우스 <id@mail.example.com>';

    expect(loadConfig(PRODUCTION).mailFrom).toBe('Gatehouse <no-reply@id.example.com>');
    expect(loadConfig({ ...PRODUCTION, MAIL_FROM }).mailFrom).toBe(MAIL_FROM);
    expect(loadConfig({ ...PRODUCTION, MAIL_FROM: 'id@example.com' }).mailFrom).toBe('id@example.com');
    expect(loadConfig({ ...PRODUCTION, MAIL_FROM: 'Bücher <id@BÜCHER。example>' }).mailFrom).toBe(
      'Bücher <id@xn--bcher-kva.example>',
    );
  });

  test('an admin needs both address and password', () => {
    expect(problems({ ...PRODUCTION, ADMIN_EMAIL: 'root@example.com' })).toHaveLength(1);
    expect(problems({ ADMIN_PASSWORD: 'whatever it is' })).toHaveLength(1);
  });

  test('can each lie in a file', () => {
    const folder = temporaryFolder();
    const JWT_PRIVATE_KEY_FILE = join(folder, 'key');
    writeFileSync(JWT_PRIVATE_KEY_FILE, PRODUCTION.JWT_PRIVATE_KEY);
    const { JWT_PRIVATE_KEY: _, ...others } = PRODUCTION;

    expect(problems({ ...others, JWT_PRIVATE_KEY_FILE })).toEqual([]);
    expect(problems({ ...PRODUCTION, JWT_PRIVATE_KEY_FILE })).toEqual([expect.stringContaining('given twice')]);
    expect(problems({ ...others, JWT_PRIVATE_KEY_FILE: `${folder}/none` })).toEqual([
      expect.stringContaining('no readable file'),
    ]);
  });

  test('are all in .env.example, and nothing else is', () => {
    const names = readFileSync('.env.example', 'utf8')
      .match(/^#?([A-Z0-9_]+)=/gm)
      ?.map((line) => line.replace(/[#=]/g, ''));

    expect(names).toEqual(SETTING_NAMES);
  });
});
