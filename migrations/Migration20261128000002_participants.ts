import { Migration } from '@mikro-orm/migrations';
import { SHORT_LOCKS } from '../src/database/short-locks.js';

/** Deletions whose deadline is over, and an index of what is owed. */
export class Migration20261128000002_participants extends Migration {
  override up(): void {
    this.addSql(SHORT_LOCKS);
    this.addSql(`alter table "deletions" add column "overdue_at" timestamptz(3) null`);
    this.addSql(`create index "idx_deletion_receipts_open" on "deletion_receipts" ("user_id") where status <> 'done'`);
  }

  override down(): void {
    this.addSql(`drop index "idx_deletion_receipts_open"`);
    this.addSql(`alter table "deletions" drop column "overdue_at"`);
  }
}
