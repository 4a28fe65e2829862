import { Migration } from '@mikro-orm/migrations';
import { SHORT_LOCKS } from '../src/database/short-locks.js';

const NEVER = `raise exception 'audit events are only ever added' using errcode = 'insufficient_privilege';`;
const MAY_DELETE = `if tg_op = 'DELETE' and current_setting('gatehouse.audit_retention', true) = 'on' and exists (select from audit_chains where id = old.chain and removed_position >= old.position) then return old; end if;`;
const MAY_REDACT = `if tg_op = 'UPDATE' and current_setting('gatehouse.audit_redaction', true) = 'on' and (new.ip_address is null or new.ip_address = old.ip_address) and to_jsonb(new) - '{ip_address,details,redaction_mac}'::text[] = to_jsonb(old) - '{ip_address,details,redaction_mac}'::text[] then return new; end if;`;

const appendOnly = (allowed: string) =>
  `create or replace function "audit_events_append_only_fn"() returns trigger as $$ begin ${allowed} ${NEVER} end; $$ language plpgsql`;

/** Deletions with a receipt for each of their steps; audit events from which what is personal was removed. */
export class Migration20261128000001_deletions extends Migration {
  override up(): void {
    this.addSql(SHORT_LOCKS);
    this.addSql(`create table "deletions" (
      "user_id" uuid not null,
      "requested_by" uuid not null,
      "requested_at" timestamptz(3) not null,
      "purge_at" timestamptz(3) not null,
      "was_active" boolean not null,
      "announced_at" timestamptz(3) null,
      "purged_at" timestamptz(3) null,
      primary key ("user_id")
    )`);
    this.addSql(`create index "idx_deletions_due" on "deletions" ("purge_at") where announced_at is null`);
    this.addSql(`create table "deletion_receipts" (
      "user_id" uuid not null,
      "step" text not null,
      "status" text not null default 'pending',
      "attempts" int not null default 0,
      "last_error" text null,
      "next_attempt_at" timestamptz(3) not null default now(),
      "finished_at" timestamptz(3) null,
      primary key ("user_id", "step")
    )`);
    this.addSql(
      `create index "idx_deletion_receipts_due" on "deletion_receipts" ("next_attempt_at") where status = 'pending'`,
    );
    this.addSql(
      `alter table "deletion_receipts" add constraint "deletion_receipts_status_check" check ("status" in ('pending', 'done', 'failed'))`,
    );
    this.addSql(
      `alter table "deletion_receipts" add constraint "deletion_receipts_user_id_foreign" foreign key ("user_id") references "deletions" ("user_id") on update cascade on delete cascade`,
    );
    this.addSql(`create table "erasures" ("digest" text not null, primary key ("digest"))`);
    this.addSql(`alter table "audit_events" add column "redaction_mac" text null`);
    this.addSql(appendOnly(`${MAY_DELETE} ${MAY_REDACT}`));
  }

  override down(): void {
    this.addSql(appendOnly(MAY_DELETE));
    this.addSql(`alter table "audit_events" drop column "redaction_mac"`);
    for (const table of ['erasures', 'deletion_receipts', 'deletions']) this.addSql(`drop table "${table}"`);
  }
}
