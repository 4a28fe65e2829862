import { Migration } from '@mikro-orm/migrations';

/** Audit events, and the ends of the chains in which they lie. */
export class Migration20261125000001_audit extends Migration {
  override up(): void {
    this.addSql(`create table "audit_chains" (
      "id" smallint not null,
      "position" int not null default 0,
      "digest" text not null default '',
      primary key ("id")
    )`);
    this.addSql(`create table "audit_events" (
      "id" uuid not null,
      "chain" smallint not null,
      "position" int not null,
      "previous_digest" text not null,
      "digest" text not null,
      "action" text not null,
      "result" text not null,
      "actor_id" uuid null,
      "subject_id" uuid null,
      "session_id" uuid null,
      "ip_address" text null,
      "at" timestamptz(3) not null,
      "details" jsonb null,
      primary key ("id")
    )`);
    this.addSql(`create index "idx_audit_events_action" on "audit_events" ("action", "id")`);
    this.addSql(`create index "idx_audit_events_actor_id" on "audit_events" ("actor_id", "id")`);
    this.addSql(`create index "idx_audit_events_subject_id" on "audit_events" ("subject_id", "id")`);
    this.addSql(`alter table "audit_events" add constraint "audit_events_position" unique ("chain", "position")`);
    this.addSql(
      `alter table "audit_events" add constraint "audit_events_result_check" check ("result" in ('succeeded', 'failed', 'denied'))`,
    );
    this.addSql(
      `create or replace function "audit_events_append_only_fn"() returns trigger as $$ begin raise exception 'audit events are only ever added' using errcode = 'insufficient_privilege'; return null; end; $$ language plpgsql`,
    );
    this.addSql(
      `create trigger "append_only" BEFORE UPDATE OR DELETE on "audit_events" for each STATEMENT execute function "audit_events_append_only_fn"()`,
    );
    this.addSql(`insert into "audit_chains" ("id") select generate_series(1, 32)`);
  }

  override down(): void {
    for (const table of ['audit_events', 'audit_chains']) this.addSql(`drop table "${table}"`);
    this.addSql(`drop function "audit_events_append_only_fn"()`);
  }
}
