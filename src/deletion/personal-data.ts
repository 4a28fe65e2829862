import type { EntityManager } from '@mikro-orm/postgresql';
import type { ErasedMarks } from '../keys/erased-marks.js';
import type { User } from '../user/user.entity.js';

/** What SQL of the map may name, with a $ before it. */
type Values = Record<string, string | null>;

/** What becomes of a column: whether its user gets it exported, and the SQL that takes its place in the purge. */
interface Column {
  isExported: boolean;
  /** Null where the value stays: an id, a fact, a time. */
  purged: string | null;
}

/** What a table holds about a user. */
interface UserTable {
  /** The rows that are about the user `$user`, whose address is `$email`. */
  rows: string;
  /** Whether the purge removes the rows, or replaces columns of theirs. The trail of audit events has its own way. */
  onPurge: 'delete' | 'replace' | 'redact' | 'keep';
  columns: Record<string, Column>;
}

const shown: Column = { isExported: true, purged: null };
/** Of no meaning outside, or a secret. */
const hidden: Column = { isExported: false, purged: null };
const replaced = (purged: string): Column => ({ isExported: true, purged });

/**
 * Every table and column of the database, with what it holds about a user. Export and purge are both made of it, so
 * neither can forget what the other knows; a column that is not named here fails a test.
 */
export const USER_TABLES: Record<string, UserTable> = {
  users: {
    rows: 'id = $user',
    onPurge: 'replace',
    columns: {
      id: shown,
      email: replaced('$erasedEmail'),
      password_hash: { isExported: false, purged: `''` },
      password_changed_at: replaced('null'),
      name: replaced(`'Deleted user'`),
      name_key: { isExported: false, purged: `'deleted user'` },
      role_id: hidden,
      is_active: shown,
      email_verified: replaced('false'),
      created_at: shown,
      updated_at: shown,
      deleted_at: shown,
      imported_email: replaced('$erasedImportedEmail'),
      external_id: replaced('$erasedExternalId'),
    },
  },
  sessions: {
    rows: 'user_id = $user',
    onPurge: 'delete',
    columns: {
      id: shown,
      user_id: hidden,
      token_digest: hidden,
      rotation: hidden,
      used_rotation: hidden,
      used_at: hidden,
      created_at: shown,
      opened_user_agent: shown,
      opened_ip_address: shown,
      last_used_at: shown,
      expires_at: shown,
      ended_at: shown,
      user_agent: shown,
      ip_address: shown,
    },
  },
  mail_tokens: {
    rows: 'mail_id in (select id from mails where user_id = $user or (user_id is null and recipient = $email))',
    onPurge: 'delete',
    columns: { digest: hidden, mail_id: hidden, expires_at: hidden, used_at: hidden },
  },
  // Also those that were ordered for the address and have no user: they are never sent.
  mails: {
    rows: 'user_id = $user or (user_id is null and recipient = $email)',
    onPurge: 'delete',
    columns: {
      id: shown,
      user_id: hidden,
      kind: shown,
      recipient: shown,
      language: shown,
      ordered_at: shown,
      sent_at: shown,
      refused_at: shown,
    },
  },
  audit_events: {
    rows: 'actor_id = $user or subject_id = $user',
    onPurge: 'redact',
    columns: {
      id: shown,
      chain: hidden,
      position: hidden,
      previous_digest: hidden,
      digest: hidden,
      redaction_mac: hidden,
      action: shown,
      result: shown,
      actor_id: shown,
      subject_id: shown,
      session_id: shown,
      ip_address: shown,
      at: shown,
      details: shown,
    },
  },
  // Events hold ids alone.
  outbox: {
    rows: 'subject = $user::text',
    onPurge: 'keep',
    columns: {
      id: shown,
      type: shown,
      subject: hidden,
      data: shown,
      occurred_at: shown,
      attempts: hidden,
      next_attempt_at: hidden,
      published_at: shown,
    },
  },
  deletions: {
    rows: 'user_id = $user',
    onPurge: 'keep',
    columns: {
      user_id: hidden,
      requested_by: shown,
      requested_at: shown,
      purge_at: shown,
      was_active: hidden,
      announced_at: shown,
      purged_at: shown,
      overdue_at: shown,
    },
  },
  deletion_receipts: {
    rows: 'user_id = $user',
    onPurge: 'keep',
    columns: {
      user_id: hidden,
      step: shown,
      status: shown,
      attempts: shown,
      last_error: hidden,
      next_attempt_at: hidden,
      finished_at: shown,
    },
  },
};

/** Tables that hold nothing about a user. */
export const OTHER_TABLES = ['roles', 'erasures', 'inbox', 'audit_chains', 'mikro_orm_migrations'];

/** Everything that is held about a user, by table, in the caller's transaction; times are as in RFC 3339. */
export async function personalDataOf(em: EntityManager, user: User): Promise<Record<string, object[]>> {
  await em.execute(`set local time zone 'UTC'`);
  const data: Record<string, object[]> = {};
  for (const [table, { rows, columns }] of Object.entries(USER_TABLES)) {
    const names = Object.keys(columns).filter((name) => columns[name]?.isExported);
    if (names.length === 0) continue;
    const sql = `select to_jsonb(t) as row from (select ${names.join(', ')} from ${table} where ${rows} order by 1) as t`;
    data[table] = (await run<{ row: object }>(em, sql, namesOf(user))).map(({ row }) => row);
  }
  return data;
}

/**
 * Removes or replaces what is personal in every table but the audit trail, in the caller's transaction. The row of the
 * user stays, with its id and its times. The user needs `importedEmail` and `externalId`, which are lazy.
 */
export async function purgePersonalData(em: EntityManager, user: User, marks: ErasedMarks): Promise<void> {
  const values = {
    ...namesOf(user),
    erasedEmail: marks.ofEmail(user.email),
    erasedImportedEmail: user.importedEmail && marks.ofEmail(user.importedEmail),
    erasedExternalId: user.externalId && marks.ofId(user.externalId),
  };
  for (const [table, { rows, onPurge, columns }] of Object.entries(USER_TABLES)) {
    const changes = Object.entries(columns).flatMap(([name, { purged }]) => (purged ? [`${name} = ${purged}`] : []));
    if (onPurge === 'delete') await run(em, `delete from ${table} where ${rows}`, values);
    if (onPurge === 'replace') await run(em, `update ${table} set ${changes.join(', ')} where ${rows}`, values);
  }
}

const namesOf = ({ id, email }: User): Values => ({ user: id, email });

function run<T>(em: EntityManager, sql: string, named: Values): Promise<T[]> {
  const values: (string | null)[] = [];
  const statement = sql.replace(/\$([A-Za-z]+)/g, (_, name: string) => {
    values.push(named[name] ?? null);
    return '?';
  });
  return em.execute<T[]>(statement, values);
}
