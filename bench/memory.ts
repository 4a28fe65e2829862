import { residentMb } from './cpu.js';
import { INSPECTED, usedHeapMb } from './heap.js';
import { machine, row } from './instances.js';
import { measure } from './measure.js';
import { startGatehouse } from './servers.js';
import type { Workload, WorkloadName } from './workloads.js';

/**
 * How much memory an API holds after REQUESTS (1,000,000 unless told) of all kinds, on PostgreSQL and Redis: printed at
 * the start and after each tenth, with what of it is in use on the heap after a garbage collection.
 */
const requests = Number(process.env.REQUESTS ?? 1_000_000);
const CONNECTIONS = 32;
const TURN_SECONDS = 2;
const KINDS: WorkloadName[] = ['mixed', 'userWarm', 'userCold', 'usersWarm', 'usersCold', 'usersDeep'];

await using stack = new AsyncDisposableStack();
const people = 30_000;
const options = { people, bcryptCost: 4, connections: CONNECTIONS, withPeers: false, nodeOptions: INSPECTED };
const { api, target } = await startGatehouse(stack, options);

console.log(`\n${machine()}\n`);
row('requests', 'MB', 'of them used', 'failed');
row('---', '---', '---', '---');
const turns = { sent: 0 };
let failed = 0;
const print = async () => {
  const resident = residentMb(api.pid);
  row(turns.sent, resident.toFixed(0), (await usedHeapMb(api)).toFixed(0), failed);
};
await print();
for (let tenth = 1; tenth <= 10; tenth += 1) {
  for (let kind = 0; turns.sent < (requests / 10) * tenth; kind += 1) {
    await target.signIn?.();
    const workload = target.workloads[KINDS[kind % KINDS.length] as WorkloadName] as Workload;
    failed += (await measure(target.url, workload, turns, TURN_SECONDS, CONNECTIONS)).failed;
  }
  await print();
}
