import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Options } from '@mikro-orm/core';
import { Migrator } from '@mikro-orm/migrations';
import { defineConfig as postgresConfig } from '@mikro-orm/postgresql';
import { Migration20261122000000_identity } from './migrations/Migration20261122000000_identity.js';
import { Migration20261122000001_sessions } from './migrations/Migration20261122000001_sessions.js';
import { Migration20261125000000_mail } from './migrations/Migration20261125000000_mail.js';
import { Migration20261125000001_audit } from './migrations/Migration20261125000001_audit.js';
import { Migration20261126000001_password_change } from './migrations/Migration20261126000001_password_change.js';
import { Migration20261126000002_import_identity } from './migrations/Migration20261126000002_import_identity.js';
import { Migration20261126000003_retention } from './migrations/Migration20261126000003_retention.js';
import { Migration20261126000004_name_key } from './migrations/Migration20261126000004_name_key.js';
import { Migration20261126000005_account_closed_mail } from './migrations/Migration20261126000005_account_closed_mail.js';
import { Migration20261126000006_session_use } from './migrations/Migration20261126000006_session_use.js';
import { Migration20261128000001_deletions } from './migrations/Migration20261128000001_deletions.js';
import { Migration20261128000002_participants } from './migrations/Migration20261128000002_participants.js';
import { Migration20261129000001_search_indexes } from './migrations/Migration20261129000001_search_indexes.js';
import { Migration20261201000001_indexes_of_a_user } from './migrations/Migration20261201000001_indexes_of_a_user.js';
import { AuditChain } from './src/audit/audit-chain.entity.js';
import { AuditEvent } from './src/audit/audit-event.entity.js';
import { loadConfig } from './src/config/config.js';
import { type DatabaseConfig, IN_MEMORY, KEEP_ALIVE } from './src/database/database.js';
import { PooledPostgresDriver } from './src/database/postgres-driver.js';
import { Deletion, DeletionReceipt } from './src/deletion/deletion.entity.js';
import { Erasure } from './src/deletion/erasure.entity.js';
import { InboxEvent } from './src/events/inbox.entity.js';
import { OutboxEvent } from './src/events/outbox.entity.js';
import { Mail } from './src/mail/mail.entity.js';
import { MailToken } from './src/mail/mail-token.entity.js';
import { Session } from './src/session/session.entity.js';
import { Role } from './src/user/role.entity.js';
import { User } from './src/user/user.entity.js';

export const POOL_SIZE = 10;
/** For a free connection, or a new one. */
const CONNECTION_WAIT_MS = 5_000;
/** The embedded database writes to all of them at its start; its own value is 128 MB. */
const EMBEDDED_BUFFERS = ['-c', 'shared_buffers=16MB'];

/** Entities, migrations and driver: PostgreSQL at `databaseUrl`, or PGlite (PostgreSQL as WASM) in the data folder. */
export async function databaseOptions(config: DatabaseConfig): Promise<Partial<Options>> {
  const { databaseUrl, databaseReplicaUrls, dataDir, statementTimeoutMs } = config;
  const options = {
    entities: [
      ...[User, Role, Session, Mail, MailToken, AuditEvent, AuditChain, OutboxEvent, InboxEvent],
      ...[Deletion, DeletionReceipt, Erasure],
    ],
    extensions: [Migrator],
    // A name that is misspelt would become an empty database.
    ensureDatabase: false,
    // Its messages hold statements with their values; what matters is logged where it is caught.
    logger: () => undefined,
    migrations: {
      migrationsList: [
        { name: '20261122000000_identity', class: Migration20261122000000_identity },
        { name: '20261122000001_sessions', class: Migration20261122000001_sessions },
        { name: '20261125000000_mail', class: Migration20261125000000_mail },
        { name: '20261125000001_audit', class: Migration20261125000001_audit },
        { name: '20261126000001_password_change', class: Migration20261126000001_password_change },
        { name: '20261126000002_import_identity', class: Migration20261126000002_import_identity },
        { name: '20261126000003_retention', class: Migration20261126000003_retention },
        { name: '20261126000004_name_key', class: Migration20261126000004_name_key },
        { name: '20261126000005_account_closed_mail', class: Migration20261126000005_account_closed_mail },
        { name: '20261126000006_session_use', class: Migration20261126000006_session_use },
        { name: '20261128000001_deletions', class: Migration20261128000001_deletions },
        { name: '20261128000002_participants', class: Migration20261128000002_participants },
        { name: '20261129000001_search_indexes', class: Migration20261129000001_search_indexes },
        { name: '20261201000001_indexes_of_a_user', class: Migration20261201000001_indexes_of_a_user },
      ],
      snapshot: false,
      // One that makes an index concurrently runs outside a transaction.
      allOrNothing: false,
    },
  };
  return databaseUrl
    ? postgresConfig({
        ...options,
        driver: PooledPostgresDriver,
        clientUrl: databaseUrl,
        replicas: databaseReplicaUrls?.map((clientUrl) => ({ clientUrl })),
        // A replica may be behind: only who has looked reads there.
        preferReadReplicas: false,
        pool: { min: 0, max: POOL_SIZE },
        driverOptions: {
          connectionTimeoutMillis: CONNECTION_WAIT_MS,
          statement_timeout: statementTimeoutMs,
          ...KEEP_ALIVE,
        },
      })
    : { ...options, ...(await embedded(dataDir)) };
}

/** Its modules are loaded only where no PostgreSQL is. */
async function embedded(dataDir: string): Promise<Partial<Options>> {
  const [{ PgliteDriver }, { PGlite }, { pg_trgm }] = await Promise.all([
    import('@mikro-orm/pglite'),
    import('@electric-sql/pglite'),
    import('@electric-sql/pglite/contrib/pg_trgm'),
  ]);
  return {
    driver: PgliteDriver,
    dbName: embeddedFolder(dataDir),
    driverOptions: { extensions: { pg_trgm }, startParams: [...PGlite.defaultStartParams, ...EMBEDDED_BUFFERS] },
  };
}

function embeddedFolder(dataDir: string): string {
  if (dataDir === IN_MEMORY) return IN_MEMORY;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  return join(dataDir, 'postgres');
}

/** For MikroORM's command line. */
export default () => databaseOptions(loadConfig());
