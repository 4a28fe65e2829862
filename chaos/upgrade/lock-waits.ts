import { select } from '../../test/support/processes.js';
import type { Server } from '../../test/support/servers/private-server.js';

/** Lets a server write down each wait for a lock that takes longer. Restarts it. */
export async function logLockWaits(postgres: Server, longerThanMs: number): Promise<void> {
  const settings = {
    logging_collector: 'on',
    log_lock_waits: 'on',
    deadlock_timeout: `${longerThanMs}ms`,
    log_line_prefix: '',
  };
  for (const [name, value] of Object.entries(settings))
    await select(postgres.url, `alter system set ${name} = '${value}'`);
  await postgres.restart();
}

/**
 * The waits so far, but two kinds: an index that is made concurrently waits for transactions to end, and holds up none;
 * and of commits that notify each waits for the one before it, which waits for the disk.
 */
export async function lockWaits(database: string): Promise<string[]> {
  const [{ log }] = await select(database, 'select pg_read_file(pg_current_logfile()) as log');
  return String(log)
    .split('\n')
    .filter(
      (line) => line.includes('still waiting for') && !/on (virtual transaction|object 0 of class 1262)/.test(line),
    );
}
