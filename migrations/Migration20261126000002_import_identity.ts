import { Migration } from '@mikro-orm/migrations';
import { SHORT_LOCKS } from '../src/database/short-locks.js';

/** What an import knows its users by: the address as it was imported, and the id in the system that they come from. */
export class Migration20261126000002_import_identity extends Migration {
  override up(): void {
    this.addSql(SHORT_LOCKS);
    this.addSql(`alter table "users" add column "imported_email" text null, add column "external_id" text null`);
    // Nothing changes that anybody has cached.
    this.addSql(`alter table "users" disable trigger "users_changed"`);
    // Imports so far made name-based ids (version 5), and a second account for a person with a newer hash: the open one counts. A person who has
    // moved since was told so at the address that was imported.
    this.addSql(`update "users" set "imported_email" = "first"."address" from (
      select distinct on ("address") "id", "address" from (
        select "id", "deleted_at", coalesce((select "recipient" from "mails" where "mails"."user_id" = "users"."id" and "kind" = 'email_changed'
          order by "ordered_at", "mails"."id" limit 1), "email") as "address"
        from "users" where substring("id"::text, 15, 1) = '5'
      ) as "imported" order by "address", "deleted_at" desc nulls first, "id"
    ) as "first" where "users"."id" = "first"."id"`);
    this.addSql(`alter table "users" enable trigger "users_changed"`);
    this.addSql(`alter table "users" add constraint "users_imported_email" unique ("imported_email")`);
    this.addSql(`alter table "users" add constraint "users_external_id" unique ("external_id")`);
  }

  override down(): void {
    this.addSql(`alter table "users" drop column "imported_email", drop column "external_id"`);
  }
}
