import { v7 as uuidv7 } from 'uuid';
import { withPostgres } from '../test/support/servers/postgres.js';

export const addressOf = (id: string) => `u${id.replaceAll('-', '')}@example.com`;

/** Makes accounts that cannot sign in; answers their ids. */
export async function makeUsers(database: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => uuidv7());
  await withPostgres(database, (client) =>
    client.query(
      `insert into users (id, email, password_hash, name, name_key, created_at, updated_at)
       select id, email, 'none', 'Somebody', 'somebody', now(), now()
       from unnest($1::uuid[], $2::text[]) as made (id, email)`,
      [ids, ids.map(addressOf)],
    ),
  );
  return ids;
}
