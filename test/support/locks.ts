import { expect } from '@jest/globals';
import { eventually } from './eventually.js';
import { select } from './processes.js';
import { withPostgres } from './servers/postgres.js';

/**
 * What looks up the account of a login. Where a whole table is locked, workers that look for something to do wait beside
 * it.
 */
export const LOOKS_UP_EMAIL = '%u.email = %';

/** How many statements in the database wait for a lock; only those that are like `query`, in the way of SQL. */
export const lockWaits = async (database: string, query = '%'): Promise<number> =>
  (
    await select(
      database,
      `select pid from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock' and query like $1`,
      [query],
    )
  ).length;

/** The answers to requests that all wait for what a statement holds, and go on at the instant of its commit. */
export async function heldUp<T>(
  database: string,
  [sql, values = []]: [string, unknown[]?],
  requests: (() => Promise<T>)[],
): Promise<T[]> {
  return withPostgres(database, async (client) => {
    await client.query('begin');
    await client.query(sql, values);
    const answers = requests.map((request) => request());
    await eventually(async () => expect(await lockWaits(database)).toBe(requests.length));
    await client.query('commit');
    return await Promise.all(answers);
  });
}
