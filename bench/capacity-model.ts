import { type Cpu, eachPart, type Part } from './cpu.js';

/** What is asked of a system in its busiest hour; a refresh comes every 15 minutes of a session that is used. */
export interface Demand {
  users: number;
  loginsPerDay: number;
  readsPerSecond: number;
}

/** CPU seconds of each part for one request. */
export interface Costs {
  read: Cpu;
  login: Cpu;
  refresh: Cpu;
}

/** Bytes on disk, with indexes, of one of each. */
export interface Sizes {
  user: number;
  session: number;
  auditEvent: number;
}

export interface Plan {
  loginsPerSecond: number;
  refreshesPerSecond: number;
  /** Cores that are busy in the busiest hour. */
  cores: Cpu;
  /** Of the API, each on a core of its own, and never one alone. */
  processes: number;
  /** To PostgreSQL, of all processes. */
  connections: number;
  /** After a year. */
  diskBytes: number;
}

const DAY_SECONDS = 86_400;
/** The busiest hour of a day has four times the requests of its mean: half a day's requests come in three hours. */
const PEAK = 4;
/** A session is used for an hour after its login. */
const REFRESHES_OF_LOGIN = 4;
/** Beyond it the time of an answer grows faster than the load (M/M/1: at 0.6, 2.5 times the quiet one). */
const UTILIZATION = 0.6;
const SESSION_DAYS = 120;
const AUDIT_DAYS = 365;

/** Turns what is asked into parts. `connections` are those of one process of the API. */
export function planFor(demand: Demand, costs: Costs, sizes: Sizes, connections: number): Plan {
  const loginsPerSecond = (demand.loginsPerDay / DAY_SECONDS) * PEAK;
  const refreshesPerSecond = loginsPerSecond * REFRESHES_OF_LOGIN;
  const cores = eachPart(
    (part) =>
      demand.readsPerSecond * costs.read[part] +
      loginsPerSecond * costs.login[part] +
      refreshesPerSecond * costs.refresh[part],
  );
  const processes = Math.max(2, Math.ceil(cores.API / UTILIZATION));
  return {
    loginsPerSecond,
    refreshesPerSecond,
    cores,
    processes,
    connections: processes * connections,
    diskBytes:
      demand.users * sizes.user + demand.loginsPerDay * (SESSION_DAYS * sizes.session + AUDIT_DAYS * sizes.auditEvent),
  };
}

/** The CPU that a mix of requests takes by the model: to be compared with what it took. */
export const cpuOfMix = (costs: Costs, counts: Record<keyof Costs, number>, part: Part): number =>
  counts.read * costs.read[part] + counts.login * costs.login[part] + counts.refresh * costs.refresh[part];
