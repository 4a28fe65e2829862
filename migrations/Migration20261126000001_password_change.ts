import { Migration } from '@mikro-orm/migrations';

/** When a password was last changed, so that the same request once more is known as such. */
export class Migration20261126000001_password_change extends Migration {
  override up(): void {
    this.addSql(`alter table "users" add column "password_changed_at" timestamptz(3) null`);
  }

  override down(): void {
    this.addSql(`alter table "users" drop column "password_changed_at"`);
  }
}
