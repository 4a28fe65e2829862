import { availableParallelism, loadavg } from 'node:os';
import { type ApiProcess, type Env, startApi } from '../test/support/processes.js';
import { type PostgresServer, startPostgres, withPostgres } from '../test/support/servers/postgres.js';
import type { Server } from '../test/support/servers/private-server.js';
import { startRedis } from '../test/support/servers/redis.js';
import { quantile } from './statistics.js';

export interface Instances extends AsyncDisposable {
  one: ApiProcess;
  other: ApiProcess;
  database: string;
  redis: Server;
}

/**
 * Two instances of the API on a private PostgreSQL, which knows when each transaction was committed, and a private
 * Redis.
 */
export async function startInstances(env: Env = {}): Promise<Instances> {
  const [postgres, redis] = await Promise.all([startDatedPostgres(), startRedis()]);
  const database = await postgres.createDatabase();
  const start = () => startApi({ DATABASE_URL: database, REDIS_URL: redis.url, ...env });
  const [one, other] = await Promise.all([start(), start()]);
  return {
    one,
    other,
    database,
    redis,
    async [Symbol.asyncDispose]() {
      await Promise.all([one.kill(), other.kill()]);
      await Promise.all([redis.stop(), postgres.stop()]);
    },
  };
}

async function startDatedPostgres(): Promise<PostgresServer> {
  const postgres = await startPostgres();
  await withPostgres(postgres.url, (client) => client.query('alter system set track_commit_timestamp = on'));
  await postgres.restart();
  return postgres;
}

/** One row of a Markdown table. */
export const row = (...cells: (string | number)[]) => console.log(`| ${cells.join(' | ')} |`);

/** A table of what is done a second, by its name in each round, beside the first of them. */
export function printRates(what: string, rates: ReadonlyMap<string, number[]>): void {
  const [first = ''] = rates.keys();
  row(what, 'a second (median)', 'least', 'most', `to ${first}`);
  row('---', '---', '---', '---', '---');
  const reference = quantile(rates.get(first) ?? [], 0.5);
  for (const [name, numbers] of rates) {
    const median = quantile(numbers, 0.5);
    const ends = [Math.min(...numbers), Math.max(...numbers)].map((rate) => rate.toFixed(0));
    row(name, median.toFixed(0), ...ends, (median / reference).toFixed(2));
  }
}

/** The day, and what numbers depend on beside the code. */
export function machine(): string {
  const load = loadavg().map((value) => value.toFixed(1));
  return `${new Date().toISOString().slice(0, 10)}; ${availableParallelism()} CPUs, load average ${load.join(', ')}, Node.js ${process.version}`;
}
