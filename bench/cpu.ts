import { readFileSync } from 'node:fs';
import { childrenOf } from '../test/support/servers/children.js';
import { withPostgres } from '../test/support/servers/postgres.js';
import { withRedis } from '../test/support/servers/redis.js';

/** Linux counts CPU time in hundredths of a second on all of its platforms. */
const TICKS_A_SECOND = 100;

export const PARTS = ['API', 'PostgreSQL', 'Redis'] as const;
export type Part = (typeof PARTS)[number];
/** Of each part, its first process. */
export type Processes = Record<Part, number>;
/** CPU seconds, or a share of them. */
export type Cpu = Record<Part, number>;

/** Where the servers are asked for their processes themselves. */
export async function processesOf(api: number, databaseUrl: string, redisUrl: string): Promise<Processes> {
  const checkpointer = await withPostgres(databaseUrl, async (client) => {
    const { rows } = await client.query(`select pid from pg_stat_activity where backend_type = 'checkpointer'`);
    return Number(rows[0]?.pid);
  });
  const redis = await withRedis(redisUrl, (client) => client.info('server'));
  const [, pid] = /process_id:(\d+)/.exec(String(redis)) ?? [];
  return { API: api, PostgreSQL: statOf(checkpointer).parent, Redis: Number(pid) };
}

/** The CPU seconds of each part so far, with those of its children, also of those that have ended. Linux alone. */
export const cpuOf = (processes: Processes): Cpu =>
  eachPart((part) => {
    const pid = processes[part];
    return [pid, ...childrenOf(pid)].reduce((sum, one) => sum + statOf(one).seconds, statOf(pid).secondsOfEnded);
  });

export const eachPart = (value: (part: Part) => number): Cpu =>
  Object.fromEntries(PARTS.map((part) => [part, value(part)])) as Cpu;

/** proc_pid_stat(5): what follows the name, which may hold anything. */
function statOf(pid: number) {
  let text = '';
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // It has ended since it was listed.
    return { parent: 0, seconds: 0, secondsOfEnded: 0 };
  }
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [utime = 0, stime = 0, ofEndedUser = 0, ofEndedSystem = 0] = fields.slice(11, 15);
  return {
    parent: fields[1] ?? 0,
    seconds: (utime + stime) / TICKS_A_SECOND,
    secondsOfEnded: (ofEndedUser + ofEndedSystem) / TICKS_A_SECOND,
  };
}

/** Of all that a process holds, what is in memory, in megabytes. Linux alone. */
export function residentMb(pid: number): number {
  const [, kilobytes] = readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+) kB/) ?? [];
  return Number(kilobytes) / 1024;
}
