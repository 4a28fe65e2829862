import { Migration } from '@mikro-orm/migrations';

/** Sessions with their refresh tokens' digests. */
export class Migration20261122000001_sessions extends Migration {
  override up(): void {
    this.addSql(`create table "sessions" (
      "id" uuid not null,
      "user_id" uuid not null,
      "token_digest" text not null,
      "rotation" int not null default 0,
      "created_at" timestamptz(3) not null,
      "last_used_at" timestamptz(3) not null,
      "expires_at" timestamptz(3) not null,
      "ended_at" timestamptz(3) null,
      "user_agent" text null,
      "ip_address" text null,
      primary key ("id")
    )`);
    this.addSql(`create index "idx_sessions_user_id" on "sessions" ("user_id", "id") where ended_at is null`);
    this.addSql(
      `alter table "sessions" add constraint "sessions_user_id_foreign" foreign key ("user_id") references "users" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `create or replace function "sessions_sessions_changed_fn"() returns trigger as $$ begin if tg_op = 'DELETE' or new.ended_at is distinct from old.ended_at then perform pg_notify('gatehouse', 'session ' || old.id); end if; return null; end; $$ language plpgsql`,
    );
    this.addSql(
      `create trigger "sessions_changed" AFTER UPDATE OR DELETE on "sessions" for each ROW execute function "sessions_sessions_changed_fn"()`,
    );
  }

  override down(): void {
    this.addSql(`drop table "sessions"`);
    this.addSql(`drop function "sessions_sessions_changed_fn"()`);
  }
}
