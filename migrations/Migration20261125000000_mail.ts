import { Migration } from '@mikro-orm/migrations';
import { SHORT_LOCKS } from '../src/database/short-locks.js';

/** Mails with the digests of their links' tokens, and whether an address is its user's. */
export class Migration20261125000000_mail extends Migration {
  override up(): void {
    this.addSql(SHORT_LOCKS);
    this.addSql(`alter table "users" add column "email_verified" boolean not null default false`);
    this.addSql(`create table "mails" (
      "id" uuid not null,
      "user_id" uuid null,
      "kind" text not null,
      "recipient" text not null,
      "language" text not null,
      "ordered_at" timestamptz(3) not null,
      "sent_at" timestamptz(3) null,
      "refused_at" timestamptz(3) null,
      primary key ("id")
    )`);
    this.addSql(`create index "idx_mails_user_id" on "mails" ("user_id", "kind")`);
    this.addSql(
      `alter table "mails" add constraint "mails_kind_check" check ("kind" in ('verify_email', 'reset_password', 'change_email', 'email_changed', 'password_changed'))`,
    );
    this.addSql(`alter table "mails" add constraint "mails_language_check" check ("language" in ('en', 'ko'))`);
    this.addSql(
      `alter table "mails" add constraint "mails_user_id_foreign" foreign key ("user_id") references "users" ("id") on update cascade on delete cascade`,
    );
    this.addSql(`create table "mail_tokens" (
      "digest" text not null,
      "mail_id" uuid not null,
      "expires_at" timestamptz(3) not null,
      "used_at" timestamptz(3) null,
      primary key ("digest")
    )`);
    this.addSql(`create index "idx_mail_tokens_mail_id" on "mail_tokens" ("mail_id")`);
    this.addSql(
      `alter table "mail_tokens" add constraint "mail_tokens_mail_id_foreign" foreign key ("mail_id") references "mails" ("id") on update cascade on delete cascade`,
    );
  }

  override down(): void {
    this.addSql(`drop table "mail_tokens"`);
    this.addSql(`drop table "mails"`);
    this.addSql(`alter table "users" drop column "email_verified"`);
  }
}
