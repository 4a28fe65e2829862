import { Migration } from '@mikro-orm/migrations';

/** Users and their roles, the outbox of events and the inbox of handled ones; seeds the roles. */
export class Migration20261122000000_identity extends Migration {
  override up(): void {
    this.addSql(`create table "inbox" (
      "id" uuid not null,
      "type" text not null,
      "handled_at" timestamptz(3) not null default now(),
      primary key ("id")
    )`);
    this.addSql(`create table "outbox" (
      "id" uuid not null,
      "type" text not null,
      "subject" text not null,
      "data" jsonb not null,
      "occurred_at" timestamptz(3) not null,
      "attempts" int not null default 0,
      "next_attempt_at" timestamptz(3) not null default now(),
      "published_at" timestamptz(3) null,
      primary key ("id")
    )`);
    this.addSql(`create index "idx_outbox_due" on "outbox" ("next_attempt_at", "id") where published_at is null`);
    this.addSql(
      `create or replace function "outbox_outbox_filled_fn"() returns trigger as $$ begin perform pg_notify('gatehouse', 'outbox'); return null; end; $$ language plpgsql`,
    );
    this.addSql(
      `create trigger "outbox_filled" AFTER INSERT on "outbox" for each STATEMENT execute function "outbox_outbox_filled_fn"()`,
    );
    this.addSql(`create table "roles" (
      "id" uuid not null,
      "name" text not null,
      "description" text null,
      "created_at" timestamptz(3) not null,
      "updated_at" timestamptz(3) not null,
      "deleted_at" timestamptz(3) null,
      primary key ("id")
    )`);
    this.addSql(`alter table "roles" add constraint "roles_name_unique" unique ("name")`);
    this.addSql(`alter table "roles" add constraint "roles_name_check" check ("name" in ('ADMIN', 'MEMBER'))`);
    this.addSql(`create table "users" (
      "id" uuid not null,
      "email" text not null,
      "password_hash" text not null,
      "name" text not null,
      "role_id" uuid not null default '019362a5-7c00-7000-8000-000000000002',
      "is_active" boolean not null default true,
      "created_at" timestamptz(3) not null,
      "updated_at" timestamptz(3) not null,
      "deleted_at" timestamptz(3) null,
      primary key ("id")
    )`);
    this.addSql(`create index "idx_users_is_active" on "users" ("is_active")`);
    this.addSql(`create index "idx_users_role_id" on "users" ("role_id")`);
    this.addSql(`create index "idx_users_updated_at" on "users" ("updated_at", "id")`);
    this.addSql(`create index "idx_users_created_at" on "users" ("created_at", "id")`);
    this.addSql(`create index "idx_users_name" on "users" ("name", "id")`);
    this.addSql(`create index "idx_users_email" on "users" ("email", "id")`);
    this.addSql(`create unique index "users_open_email" on "users" ("email") where deleted_at is null`);
    this.addSql(
      `create or replace function "users_users_changed_fn"() returns trigger as $$ begin perform pg_notify('gatehouse', 'user ' || coalesce(new.id, old.id)); return null; end; $$ language plpgsql`,
    );
    this.addSql(
      `create trigger "users_changed" AFTER INSERT OR UPDATE OR DELETE on "users" for each ROW execute function "users_users_changed_fn"()`,
    );
    this.addSql(
      `create or replace function "users_users_last_admin_fn"() returns trigger as $$ begin if old.role_id = '019362a5-7c00-7000-8000-000000000001' and old.is_active and old.deleted_at is null and (tg_op = 'DELETE' or not (new.role_id = '019362a5-7c00-7000-8000-000000000001' and new.is_active and new.deleted_at is null)) then perform 1 from roles where id = '019362a5-7c00-7000-8000-000000000001' for no key update; if not exists (select 1 from users as other where other.role_id = '019362a5-7c00-7000-8000-000000000001' and other.is_active and other.deleted_at is null) then raise exception 'the last active admin cannot go' using errcode = 'check_violation', constraint = 'users_last_admin'; end if; end if; return null; end; $$ language plpgsql`,
    );
    this.addSql(
      `create trigger "users_last_admin" AFTER UPDATE OR DELETE on "users" for each ROW execute function "users_users_last_admin_fn"()`,
    );
    this.addSql(
      `alter table "users" add constraint "users_role_id_foreign" foreign key ("role_id") references "roles" ("id") on update cascade`,
    );
    this.addSql(`insert into "roles" ("id", "name", "description", "created_at", "updated_at") values
      ('019362a5-7c00-7000-8000-000000000001', 'ADMIN', 'Reads, lists and deletes every user.', now(), now()),
      ('019362a5-7c00-7000-8000-000000000002', 'MEMBER', 'Reads and deletes their own account.', now(), now())`);
  }

  override down(): void {
    for (const table of ['inbox', 'outbox', 'users', 'roles']) this.addSql(`drop table "${table}"`);
    for (const trigger of ['outbox_outbox_filled', 'users_users_changed', 'users_users_last_admin']) {
      this.addSql(`drop function "${trigger}_fn"()`);
    }
  }
}
