import { Migration } from '@mikro-orm/migrations';

/**
 * A part of a name or an address is found by its trigrams, however many users there are; closed accounts are few.
 * Changes of users go on meanwhile, and what an interrupted run has left is made anew.
 */
export class Migration20261129000001_search_indexes extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    this.addSql(`create extension if not exists "pg_trgm"`);
    this.add('idx_users_name_part', `using gin ("name_key" gin_trgm_ops)`);
    this.add('idx_users_email_part', `using gin ("email" gin_trgm_ops)`);
    this.add('idx_users_closed', `("created_at", "id") where deleted_at is not null`);
  }

  override down(): void {
    this.addSql(`drop index concurrently if exists "idx_users_closed"`);
    this.addSql(`drop index concurrently if exists "idx_users_email_part"`);
    this.addSql(`drop index concurrently if exists "idx_users_name_part"`);
    this.addSql(`drop extension "pg_trgm"`);
  }

  private add(name: string, definition: string): void {
    this.addSql(`drop index concurrently if exists "${name}"`);
    this.addSql(`create index concurrently "${name}" on "users" ${definition}`);
  }
}
