import { Migration } from '@mikro-orm/migrations';
import { SHORT_LOCKS } from '../src/database/short-locks.js';

/** The last event of each chain that retention removed; the trigger lets retention remove those up to it, and nothing else. */
export class Migration20261126000003_retention extends Migration {
  override up(): void {
    this.addSql(SHORT_LOCKS);
    this.addSql(
      `alter table "audit_chains" add column "removed_position" int not null default 0, add column "removed_digest" text not null default '', add column "removed_mac" text not null default ''`,
    );
    this.addSql(`drop trigger "append_only" on "audit_events"`);
    this.addSql(
      `create or replace function "audit_events_append_only_fn"() returns trigger as $$ begin if tg_op = 'DELETE' and current_setting('gatehouse.audit_retention', true) = 'on' and exists (select from audit_chains where id = old.chain and removed_position >= old.position) then return old; end if; raise exception 'audit events are only ever added' using errcode = 'insufficient_privilege'; end; $$ language plpgsql`,
    );
    this.addSql(
      `create trigger "append_only" BEFORE UPDATE OR DELETE on "audit_events" for each ROW execute function "audit_events_append_only_fn"()`,
    );
  }

  override down(): void {
    this.addSql(`drop trigger "append_only" on "audit_events"`);
    this.addSql(
      `create or replace function "audit_events_append_only_fn"() returns trigger as $$ begin raise exception 'audit events are only ever added' using errcode = 'insufficient_privilege'; return null; end; $$ language plpgsql`,
    );
    this.addSql(
      `create trigger "append_only" BEFORE UPDATE OR DELETE on "audit_events" for each STATEMENT execute function "audit_events_append_only_fn"()`,
    );
    this.addSql(
      `alter table "audit_chains" drop column "removed_position", drop column "removed_digest", drop column "removed_mac"`,
    );
  }
}
