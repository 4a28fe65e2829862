import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ConfigError, DEVELOPMENT_ADMIN, loadConfig, type Program, SETTINGS } from '../../src/config.js';

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

describe('settings', () => {
  test('none at all mean development, on embedded parts', () => {
    expect(loadConfig({})).toMatchObject({
      production: false,
      host: '127.0.0.1',
      port: 4000,
      publicUrl: 'http://localhost:4000',
      databaseUrl: null,
      redisUrl: null,
      amqpUrl: null,
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
    const named = problems({ NODE_ENV: 'production' }).map((problem) => problem.split(' ')[0]);

    expect(named.sort()).toEqual(
      Object.keys(PRODUCTION)
        .filter((name) => name !== 'NODE_ENV')
        .sort(),
    );
  });

  test.each<[Program, string[]]>([
    ['consumer', ['AMQP_URL', 'DATABASE_URL', 'PUBLIC_URL']],
    ['migrate', ['DATABASE_URL']],
    ['admin:create', ['DATABASE_URL', 'PASSWORD_PEPPER']],
    ['users:import', ['DATABASE_URL']],
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
    ['PUBLIC_URL', 'id.example.com'],
    ['DATABASE_URL', 'mysql://secret@db'],
    ['REDIS_URL', 'http://secret'],
    ['AMQP_URL', 'localhost:5672'],
    ['SMTP_URL', 'secret@mail.example.com'],
    ['MAIL_FROM', 'secret'],
    ['MAIL_FROM', 'a@example.com, b@example.com'],
    ['MAIL_FROM', 'Gatehouse <no-reply@example.com>\r\nBcc: secret@example.com'],
    ['JWT_PRIVATE_KEY', 'secret'],
    ['JWT_PRIVATE_KEY', pem('P-384')],
    ['PASSWORD_PEPPER', 'secret'],
    ['PASSWORD_PEPPER', 'a'.repeat(64)],
    ['PASSWORD_MIN_LENGTH', '4'],
    ['BCRYPT_COST', '9'],
    ['BCRYPT_COST', '12.5'],
    ['CORS_ORIGINS', 'https://app.example.com/path'],
    ['CORS_ORIGINS', '*'],
    ['TRUST_PROXY', 'true'],
    ['TRUST_PROXY', '10.0.0.0/40'],
    ['LOG_LEVEL', 'loud'],
  ])('%s=%s is refused, by its name and without its value', (name, value) => {
    const found = problems({ ...PRODUCTION, [name]: value });

    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${name} `));
    expect(found[0]).not.toContain('secret');
  });

  test.each(['admin1234', 'password1234', 'short'])(
    'production takes no admin with the password %s',
    (ADMIN_PASSWORD) => {
      expect(problems({ ...PRODUCTION, ADMIN_EMAIL: 'root@example.com', ADMIN_PASSWORD })).toHaveLength(1);
    },
  );

  test('the key that signs is one, or lies in a folder of them', () => {
    const { JWT_PRIVATE_KEY, ...others } = PRODUCTION;
    const JWT_KEYS_DIR = '/secrets/keys';

    expect(loadConfig({ ...others, JWT_KEYS_DIR })).toMatchObject({ jwtPrivateKey: null, jwtKeysDir: JWT_KEYS_DIR });
    expect(loadConfig({ DATA_DIR: 'data' })).toMatchObject({ jwtPrivateKey: null, jwtKeysDir: 'data/keys' });
    expect(problems(others)).toEqual([expect.stringMatching(/^JWT_PRIVATE_KEY is required .* JWT_KEYS_DIR/)]);
    for (const env of [PRODUCTION, { JWT_PRIVATE_KEY }])
      expect(problems({ ...env, JWT_KEYS_DIR })).toEqual([expect.stringMatching(/^JWT_PRIVATE_KEY and JWT_KEYS_DIR /)]);
  });

  test('mail comes from the host of PUBLIC_URL, or from MAIL_FROM', () => {
    const MAIL_FROM = '게이트하우스 <id@mail.example.com>';

    expect(loadConfig(PRODUCTION).mailFrom).toBe('Gatehouse <no-reply@id.example.com>');
    expect(loadConfig({ ...PRODUCTION, MAIL_FROM }).mailFrom).toBe(MAIL_FROM);
    expect(loadConfig({ ...PRODUCTION, MAIL_FROM: 'id@example.com' }).mailFrom).toBe('id@example.com');
  });

  test('an admin needs both address and password', () => {
    expect(problems({ ...PRODUCTION, ADMIN_EMAIL: 'root@example.com' })).toHaveLength(1);
    expect(problems({ ADMIN_PASSWORD: 'whatever it is' })).toHaveLength(1);
  });

  test('can each lie in a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-config-'));
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
      .match(/^#?([A-Z_]+)=/gm)
      ?.map((line) => line.replace(/[#=]/g, ''));

    expect(names).toEqual([...SETTINGS]);
  });
});
