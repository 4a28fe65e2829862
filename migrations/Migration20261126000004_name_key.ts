import { Migration } from '@mikro-orm/migrations';
import { SHORT_LOCKS } from '../src/database/short-locks.js';
import { searchKey } from '../src/user/search-key.js';

const BATCH = 1_000;

/** What names are found and ordered by; orders by bytes, which are the same on every machine. */
export class Migration20261126000004_name_key extends Migration {
  override async up(): Promise<void> {
    await this.execute(SHORT_LOCKS);
    await this.execute(`alter table "users" alter column "email" type text collate "C"`);
    // The default is for an instance of the version before, which knows no key and registers users while instances are replaced.
    await this.execute(`alter table "users" add column "name_key" text collate "C" not null default ''`);
    // Nothing changes that anybody has cached, and a notification for each user would end all of it again and again.
    await this.execute(`alter table "users" disable trigger "users_changed"`);
    await this.fillIn();
    await this.execute(`alter table "users" enable trigger "users_changed"`);
    await this.execute(`drop index "idx_users_name"`);
    await this.execute(`create index "idx_users_name" on "users" ("name_key", "id")`);
  }

  override down(): void {
    this.addSql(`alter table "users" drop column "name_key"`);
    this.addSql(`create index "idx_users_name" on "users" ("name", "id")`);
    this.addSql(`alter table "users" alter column "email" type text collate "default"`);
  }

  private async fillIn(): Promise<void> {
    let after = '00000000-0000-0000-0000-000000000000';
    for (;;) {
      const users = (await this.execute('select id, name from users where id > ? order by id limit ?', [
        after,
        BATCH,
      ])) as { id: string; name: string }[];
      const last = users.at(-1);
      if (!last) return;
      const keys = users.map(({ id, name }) => ({ id, key: searchKey(name) }));
      await this.execute(
        'update users set name_key = keys.key from json_to_recordset(?::json) as keys (id uuid, key text) where users.id = keys.id',
        [JSON.stringify(keys)],
      );
      after = last.id;
    }
  }
}
