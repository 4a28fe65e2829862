import { POOL_SIZE } from '../mikro-orm.config.js';
import { select } from '../test/support/processes.js';
import { type Costs, cpuOfMix, type Plan, planFor, type Sizes } from './capacity-model.js';
import { type Cpu, cpuOf, eachPart, PARTS, processesOf } from './cpu.js';
import { machine, row } from './instances.js';
import { type Measured, measure } from './measure.js';
import { startGatehouse } from './servers.js';
import type { Workload, WorkloadName } from './workloads.js';

/**
 * What a request costs each part, what is full first as the load grows, and how many parts a system of USERS
 * (1,000,000), LOGINS_PER_DAY (500,000) and READS_PER_SECOND (2,000) needs by that. Measures with PEOPLE (100,000) for
 * SECONDS (5) each, and compares the model with what a mix of requests took. Needs Linux.
 */
const seconds = Number(process.env.SECONDS ?? 5);
const people = Number(process.env.PEOPLE ?? 100_000);
const bcryptCost = Number(process.env.BCRYPT_COST ?? 12);
const demand = {
  users: Number(process.env.USERS ?? 1_000_000),
  loginsPerDay: Number(process.env.LOGINS_PER_DAY ?? 500_000),
  readsPerSecond: Number(process.env.READS_PER_SECOND ?? 2_000),
};
const CONNECTIONS = 16;
/** What is in flight at the end of a round counts as CPU and not as an answer: of logins, few are answered in one. */
const LOGIN_CONNECTIONS = 2;
const STEPS = [1, 2, 4, 8, 16, 32, 64];

await using stack = new AsyncDisposableStack();
const options = { people, bcryptCost, connections: STEPS.at(-1) ?? 0, withPeers: false };
const { api, database, redis, target } = await startGatehouse(stack, options);
const processes = await processesOf(api.pid, database, redis);
const turns = { sent: 0 };

interface Load extends Measured {
  /** Answers as they should be. */
  answers: number;
  /** CPU seconds. */
  used: Cpu;
  elapsed: number;
}

async function load(workload: WorkloadName, connections: number): Promise<Load> {
  await target.signIn?.();
  const work = target.workloads[workload] as Workload;
  const [before, began] = [cpuOf(processes), performance.now()];
  const measured = await measure(target.url, work, turns, seconds, connections);
  const elapsed = (performance.now() - began) / 1000;
  const after = cpuOf(processes);
  const used = eachPart((part) => after[part] - before[part]);
  return { ...measured, answers: measured.rate * seconds, used, elapsed };
}

const milliseconds = (share: number) => (share * 1000).toFixed(2);
const costs: Partial<Record<WorkloadName, Cpu>> = {};
console.log(`\n${machine()}; ${people} people; bcrypt's cost is ${bcryptCost}\n`);
row('CPU milliseconds of a request', ...PARTS, 'a second', 'failed');
row('---', ...PARTS.map(() => '---'), '---', '---');
await load('me', CONNECTIONS);
for (const workload of ['me', 'userCold', 'usersWarm', 'usersCold', 'refresh', 'login'] as const) {
  const connections = workload === 'login' ? LOGIN_CONNECTIONS : CONNECTIONS;
  const { used, answers, rate, failed } = await load(workload, connections);
  const cost = eachPart((part) => used[part] / answers);
  costs[workload] = cost;
  row(workload, ...PARTS.map((part) => milliseconds(cost[part])), rate.toFixed(0), failed);
}

console.log('\nAs the load of `me` grows:\n');
row('connections', 'a second', 'p50 ms', 'p99 ms', ...PARTS.map((part) => `cores of ${part}`));
row('---', '---', '---', '---', ...PARTS.map(() => '---'));
for (const connections of STEPS) {
  const { rate, p50, p99, used, elapsed } = await load('me', connections);
  row(connections, rate.toFixed(0), p50, p99, ...PARTS.map((part) => (used[part] / elapsed).toFixed(2)));
}

const model: Costs = { read: cost('me'), login: cost('login'), refresh: cost('refresh') };
const mix = await load('mixed', CONNECTIONS);
const counts = { read: mix.answers * 0.9, refresh: mix.answers * 0.08, login: mix.answers * 0.02 };
console.log(`\nThe model beside ${mix.answers.toFixed(0)} requests of a mix, 90 \`me\`, 8 \`refresh\`, 2 \`login\`:\n`);
row('part', 'CPU seconds by the model', 'measured', 'ratio');
row('---', '---', '---', '---');
for (const part of PARTS) {
  const predicted = cpuOfMix(model, counts, part);
  row(part, predicted.toFixed(2), mix.used[part].toFixed(2), (predicted / mix.used[part]).toFixed(2));
}

printPlan(planFor(demand, model, await sizes(), POOL_SIZE));

function cost(workload: WorkloadName): Cpu {
  const found = costs[workload];
  if (!found) throw new Error(`${workload} was not measured`);
  return found;
}

/** Of the rows that this run has made. */
async function sizes(): Promise<Sizes> {
  const of = async (table: string) => {
    const sql = `select pg_total_relation_size('${table}') / greatest(count(*), 1) as size from ${table}`;
    return Number((await select(database, sql))[0].size);
  };
  return { user: await of('users'), session: await of('sessions'), auditEvent: await of('audit_events') };
}

function printPlan({ loginsPerSecond, refreshesPerSecond, cores, processes, connections, diskBytes }: Plan): void {
  const { users, loginsPerDay, readsPerSecond } = demand;
  console.log(`\nFor ${users} users, ${loginsPerDay} logins a day and ${readsPerSecond} reads a second:\n`);
  row('what', 'how much');
  row('---', '---');
  row(
    'logins and refreshes a second, in the busiest hour',
    `${loginsPerSecond.toFixed(1)}, ${refreshesPerSecond.toFixed(1)}`,
  );
  for (const part of PARTS) row(`cores that are busy in ${part}`, cores[part].toFixed(2));
  row('processes of the API, each with a core', processes);
  row('connections to PostgreSQL', connections);
  row('disk of PostgreSQL after a year', `${(diskBytes / 2 ** 30).toFixed(1)} GiB`);
}
