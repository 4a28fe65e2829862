import { v7 as uuidv7 } from 'uuid';
import { withPostgres } from '../test/support/servers/postgres.js';

/** Makes accounts that cannot sign in; answers their ids. */
export async function makeUsers(database: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => uuidv7());
  await withPostgres(database, (client) =>
    client.query(
      `insert into users (id, email, password_hash, name, name_key, created_at, updated_at)
       select id, 'u' || replace(id::text, '-', '') || '@example.com', 'none', 'Somebody', 'somebody', now(), now()
       from unnest($1::uuid[]) as id`,
      [ids],
    ),
  );
  return ids;
}
