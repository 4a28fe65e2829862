import { v7 as uuidv7 } from 'uuid';
import { withPostgres } from '../test/support/servers/postgres.js';
import type { Query } from './history.js';

export const addressOf = (id: string) => `u${id.replaceAll('-', '')}@example.com`;

const INSERT_USERS = `insert into users (id, email, password_hash, name, name_key, created_at, updated_at)
  select id, email, 'none', 'Somebody', 'somebody', now(), now()
  from unnest($1::uuid[], $2::text[]) as made (id, email)`;

/** Makes accounts that cannot sign in; answers their ids. */
export async function makeUsers(query: Query, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => uuidv7());
  await query(INSERT_USERS, [ids, ids.map(addressOf)]);
  return ids;
}

export const makeUsersIn = (database: string, count: number): Promise<string[]> =>
  withPostgres(database, (client) => makeUsers((sql, parameters) => client.query(sql, parameters), count));
