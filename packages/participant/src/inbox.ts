/** Does the work for a user once, however often it is called. */
export type Inbox<T> = (userId: string, work: (transaction: T) => Promise<unknown>) => Promise<void>;

/** What is used of `pg`. */
interface Client {
  query(text: string, values?: unknown[]): Promise<{ rowCount: number | null }>;
  release(error?: boolean): void;
  on(event: 'error', listener: () => void): unknown;
  off(event: 'error', listener: () => void): unknown;
}

/** A connection that is lost between two statements: the next one fails. Unheard, the event would end the process. */
const onLoss = () => undefined;

/**
 * An inbox in a table `erasures` of the service's own database, by a pool of `pg`. Its row and what the work does are one
 * commit; work that fails leaves neither.
 */
export function postgresInbox<C extends Client>(pool: { connect(): Promise<C> }): Inbox<C> {
  let isPrepared = false;
  return async (userId, work) => {
    const client = await pool.connect();
    client.on('error', onLoss);
    try {
      if (!isPrepared)
        await client.query(
          'create table if not exists erasures (user_id text primary key, erased_at timestamptz not null default now())',
        );
      isPrepared = true;
      await client.query('begin');
      const first = await client.query('insert into erasures (user_id) values ($1) on conflict do nothing', [userId]);
      if (first.rowCount === 1) await work(client);
      await client.query('commit');
      client.off('error', onLoss);
      client.release();
    } catch (error) {
      // A connection that has failed is not used again; its transaction ends with it.
      client.release(true);
      throw error;
    }
  };
}
