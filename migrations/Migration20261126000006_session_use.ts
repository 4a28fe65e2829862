import { Migration } from '@mikro-orm/migrations';
import { SHORT_LOCKS } from '../src/database/short-locks.js';

/** Which refresh token of a session was last traded while it counted, and when; and where a session was opened, beside where it was last used. */
export class Migration20261126000006_session_use extends Migration {
  override up(): void {
    this.addSql(SHORT_LOCKS);
    this.addSql(`alter table "sessions" add column "used_rotation" int null, add column "used_at" timestamptz(3) null`);
    this.addSql(
      `alter table "sessions" add column "opened_user_agent" text null, add column "opened_ip_address" text null`,
    );
    // Until now what was seen first was kept.
    this.addSql(`update "sessions" set "opened_user_agent" = "user_agent", "opened_ip_address" = "ip_address"`);
    // Until now each trade was of the token that counted.
    this.addSql(
      `update "sessions" set "used_rotation" = "rotation" - 1, "used_at" = "last_used_at" where "rotation" > 0 and "ended_at" is null`,
    );
  }

  override down(): void {
    for (const column of ['used_rotation', 'used_at', 'opened_user_agent', 'opened_ip_address']) {
      this.addSql(`alter table "sessions" drop column "${column}"`);
    }
  }
}
