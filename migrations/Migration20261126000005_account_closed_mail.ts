import { Migration } from '@mikro-orm/migrations';
import { SHORT_LOCKS } from '../src/database/short-locks.js';

/** A receipt for an account that is closed. */
export class Migration20261126000005_account_closed_mail extends Migration {
  override up(): void {
    this.addSql(SHORT_LOCKS);
    this.addSql(`alter table "mails" drop constraint "mails_kind_check"`);
    this.addSql(
      `alter table "mails" add constraint "mails_kind_check" check ("kind" in ('verify_email', 'reset_password', 'change_email', 'email_changed', 'password_changed', 'account_closed'))`,
    );
  }

  override down(): void {
    this.addSql(`delete from "mails" where "kind" = 'account_closed'`);
    this.addSql(`alter table "mails" drop constraint "mails_kind_check"`);
    this.addSql(
      `alter table "mails" add constraint "mails_kind_check" check ("kind" in ('verify_email', 'reset_password', 'change_email', 'email_changed', 'password_changed'))`,
    );
  }
}
