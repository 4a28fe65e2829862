import { createClient } from '@keyv/redis';
import bcrypt from 'bcrypt';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import { admin, bearer } from 'better-auth/plugins';
import pg from 'pg';
import { serve } from './ready.js';

/**
 * Accounts, sessions and an admin's list of users, with sessions in Redis as its documentation advises for speed. The
 * cache in the cookie is off: with it a session that was revoked lives on for minutes. Passwords as Gatehouse has them.
 */
const COST = Number(process.env.BCRYPT_COST);
const redis = createClient({ url: process.env.REDIS_URL });
await redis.connect();
const auth = betterAuth({
  secret: 'a secret of the benchmark alone, 0123456789',
  baseURL: 'http://localhost',
  database: new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 20 }),
  secondaryStorage: {
    get: (key) => redis.get(key),
    set: (key, value, ttl) => (ttl ? redis.set(key, value, { EX: ttl }) : redis.set(key, value)),
    delete: (key) => redis.del(key),
  },
  emailAndPassword: {
    enabled: true,
    password: {
      hash: (password) => bcrypt.hash(password, COST),
      verify: ({ hash, password }) => bcrypt.compare(password, hash),
    },
  },
  plugins: [admin(), bearer()],
  rateLimit: { enabled: false },
  advanced: { disableCSRFCheck: true },
  telemetry: { enabled: false },
});
const { runMigrations } = await getMigrations(auth.options);
await runMigrations();
await serve(toNodeHandler(auth));
