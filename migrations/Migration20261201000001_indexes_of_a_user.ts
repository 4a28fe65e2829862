import { Migration } from '@mikro-orm/migrations';

const INDEXES = [
  ['idx_sessions_of_user', `"sessions" ("user_id")`],
  ['idx_outbox_subject', `"outbox" ("subject")`],
  ['idx_mails_without_user', `"mails" ("recipient") where user_id is null`],
] as const;

/**
 * For purge, archive and export, which would read these tables whole for each user. Changes go on meanwhile, and what an
 * interrupted run has left is made anew.
 */
export class Migration20261201000001_indexes_of_a_user extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    for (const [name, definition] of INDEXES) {
      this.addSql(`drop index concurrently if exists "${name}"`);
      this.addSql(`create index concurrently "${name}" on ${definition}`);
    }
  }

  override down(): void {
    for (const [name] of INDEXES.toReversed()) this.addSql(`drop index concurrently if exists "${name}"`);
  }
}
