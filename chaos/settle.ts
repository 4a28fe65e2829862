import { setTimeout as delay } from 'node:timers/promises';
import { withPostgres } from '../test/support/servers/postgres.js';

/** How much is left to do, and how many deletions there are. */
export const OPEN_WORK = `select (select count(*) from outbox where published_at is null)::int
  + (select count(*) from deletions where purged_at is null)::int
  + (select count(*) from deletion_receipts where status <> 'done')::int as open,
  (select count(*) from deletions)::int as deletions`;

/** Until every accepted deletion is done, or the time for it is over. Answers how long it took, in milliseconds. */
export async function settle(database: string, accepted: ReadonlySet<string>, seconds: number): Promise<number> {
  const began = Date.now();
  while (Date.now() - began < seconds * 1000) {
    const open = await withPostgres(database, async (client) => {
      const { rows } = await client.query(OPEN_WORK);
      return rows[0] as { open: number; deletions: number };
    });
    if (open.open === 0 && open.deletions >= accepted.size) break;
    await delay(500);
  }
  return Date.now() - began;
}
