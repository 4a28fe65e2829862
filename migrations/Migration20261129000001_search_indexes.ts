import { Migration } from '@mikro-orm/migrations';

/** A part of a name or an address is found by its trigrams, however many users there are; closed accounts are few. */
export class Migration20261129000001_search_indexes extends Migration {
  override up(): void {
    this.addSql(`create extension if not exists "pg_trgm"`);
    this.addSql(`create index "idx_users_name_part" on "users" using gin ("name_key" gin_trgm_ops)`);
    this.addSql(`create index "idx_users_email_part" on "users" using gin ("email" gin_trgm_ops)`);
    this.addSql(`create index "idx_users_closed" on "users" ("created_at", "id") where deleted_at is not null`);
  }

  override down(): void {
    this.addSql(`drop index "idx_users_closed"`);
    this.addSql(`drop index "idx_users_email_part"`);
    this.addSql(`drop index "idx_users_name_part"`);
    this.addSql(`drop extension "pg_trgm"`);
  }
}
