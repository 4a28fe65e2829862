import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Options } from '@mikro-orm/core';
import { Migrator } from '@mikro-orm/migrations';
import { defineConfig as postgresConfig } from '@mikro-orm/postgresql';
import { InboxEvent } from './consumer/inbox.entity.js';
import { Migration20261122000000_identity } from './migrations/Migration20261122000000_identity.js';
import { Migration20261122000001_sessions } from './migrations/Migration20261122000001_sessions.js';
import { Migration20261125000000_mail } from './migrations/Migration20261125000000_mail.js';
import { Migration20261125000001_audit } from './migrations/Migration20261125000001_audit.js';
import { AuditChain } from './src/audit/audit-chain.entity.js';
import { AuditEvent } from './src/audit/audit-event.entity.js';
import { type Config, loadConfig } from './src/config.js';
import { EmbeddedDriver } from './src/embedded-database.js';
import { OutboxEvent } from './src/events/outbox.entity.js';
import { Mail } from './src/mail/mail.entity.js';
import { MailToken } from './src/mail/mail-token.entity.js';
import { Session } from './src/session/session.entity.js';
import { Role } from './src/user/role.entity.js';
import { User } from './src/user/user.entity.js';

/** Folder name of the embedded database that lives in memory and ends with its process. */
export const IN_MEMORY = 'memory://';

const POOL_SIZE = 10;

/** Entities, migrations and driver: PostgreSQL at `databaseUrl`, or PGlite (PostgreSQL as WASM) in the data folder. */
export function databaseOptions({ databaseUrl, dataDir }: Pick<Config, 'databaseUrl' | 'dataDir'>): Partial<Options> {
  const options = {
    entities: [User, Role, Session, Mail, MailToken, AuditEvent, AuditChain, OutboxEvent, InboxEvent],
    extensions: [Migrator],
    // Its messages hold statements with their values; what matters is logged where it is caught.
    logger: () => undefined,
    migrations: {
      migrationsList: [
        { name: '20261122000000_identity', class: Migration20261122000000_identity },
        { name: '20261122000001_sessions', class: Migration20261122000001_sessions },
        { name: '20261125000000_mail', class: Migration20261125000000_mail },
        { name: '20261125000001_audit', class: Migration20261125000001_audit },
      ],
      snapshot: false,
    },
  };
  return databaseUrl
    ? postgresConfig({ ...options, clientUrl: databaseUrl, pool: { min: 0, max: POOL_SIZE } })
    : { ...options, driver: EmbeddedDriver, dbName: embeddedFolder(dataDir) };
}

function embeddedFolder(dataDir: string): string {
  if (dataDir === IN_MEMORY) return IN_MEMORY;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  return join(dataDir, 'postgres');
}

/** For MikroORM's command line. */
export default () => databaseOptions(loadConfig());
