import { Migration } from '@mikro-orm/migrations';
import { SHORT_LOCKS } from '../src/database/short-locks.js';

/** When a password was last changed, so that the same request once more is known as such. */
export class Migration20261126000001_password_change extends Migration {
  override up(): void {
    this.addSql(SHORT_LOCKS);
    this.addSql(`alter table "users" add column "password_changed_at" timestamptz(3) null`);
  }

  override down(): void {
    this.addSql(`alter table "users" drop column "password_changed_at"`);
  }
}
