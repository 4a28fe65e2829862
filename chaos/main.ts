import { setTimeout as delay } from 'node:timers/promises';
import { quantile } from '../bench/statistics.js';
import { ADMIN, ask, DELETE_USER, LOGIN } from '../test/support/people.js';
import { seeded } from '../test/support/random.js';
import { FAULTS, NEEDS_DISK } from './faults.js';
import { judgeDatabase } from './history.js';
import { bindObserver, deliveries } from './observer.js';
import { optionsOrExit } from './options.js';
import { settle } from './settle.js';
import { makeUsersIn } from './users.js';
import { startWorld, type World } from './world.js';

/**
 * Deletes users through the API while processes are killed, frozen and cut off at random, lets all settle, and compares
 * what was accepted with what happened. Ends with 1 where a deletion was lost, invented, done twice, or out of order.
 * All servers are private ones.
 */
const USAGE = `Usage: npm run chaos -- [--seed N] [--deletions N] [--rate N] [--settle SECONDS] [--dist FOLDER]
  --seed       of the faults, 1 unless told
  --deletions  how many, 1000 unless told
  --rate       deletions a second, 50 unless told
  --settle     for how long it waits in the end, 180 unless told
  --dist       the build to try, dist unless told`;

const ASK_AGAIN_MS = 250;
const IN_HAND = 100;
const [MIN_CALM_MS, MORE_CALM_MS] = [300, 1_500];

const DEFAULTS = { seed: 1, deletions: 1_000, rate: 50, settle: 180, dist: 'dist' };
const { seed, deletions, rate, settle: settleSeconds, dist } = optionsOrExit(USAGE, DEFAULTS);
const random = seeded(seed);
const world = await startWorld({ api: `${dist}/src/main.js`, consumer: `${dist}/consumer/main.js` });
let code = 1;
try {
  code = await run(world);
} finally {
  await world.stop();
}
process.exit(code);

async function run(world: World): Promise<number> {
  // And a tenth that nobody deletes.
  const users = await makeUsersIn(world.postgres.url, Math.ceil(deletions * 1.1));
  await bindObserver(world.rabbit);
  // RabbitMQ 3.10 that is killed within seconds after it declared a quorum queue cannot use that queue any more.
  await world.rabbit.restart();
  const faults = new Map<string, number>();
  const began = Date.now();
  const ending = new AbortController();
  const breaking = breakThings(world, faults, ending.signal);
  const { asked, accepted } = await deleteAll(world, users.slice(0, deletions));
  ending.abort();
  await breaking;
  const deletedMs = Date.now() - began;
  const settledMs = await settle(world.postgres.url, accepted, settleSeconds);

  const verdict = await judgeDatabase(world.postgres.url, users, asked, accepted, await deliveries(world.rabbit));
  const { lost, phantom, twice, disordered, lagMs } = verdict;
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const rows: [string, string | number][] = [
    ['seed', seed],
    ['deletions accepted', accepted.size],
    ['in', `${seconds(deletedMs)}, and ${seconds(settledMs)} until all was settled`],
    ['events published', verdict.published],
    ['deliveries to another service', verdict.deliveries],
    ['of them repeated', verdict.duplicates],
    ['accounts purged', verdict.effects],
    ['lost', lost.length],
    ['phantom', phantom.length],
    ['twice', twice.length],
    ['out of order', disordered.length],
    ['from closing to consumer, p50', seconds(quantile(lagMs, 0.5))],
    ['p99', seconds(quantile(lagMs, 0.99))],
    ...[...faults].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, times]): [string, number] => [name, times]),
  ];
  console.log('| | |\n| --- | --- |');
  for (const [name, value] of rows) console.log(`| ${name} | ${value} |`);
  if (!world.postgres.disk) console.log(`\n${NEEDS_DISK}: not tried, since this process may not mount one.`);
  for (const [kind, ids] of Object.entries({ lost, phantom, twice, disordered }))
    if (ids.length > 0) console.error(`${kind}: ${ids.slice(0, 10).join(' ')}`);
  return lost.length + phantom.length + twice.length + disordered.length === 0 ? 0 : 1;
}

async function breakThings(world: World, done: Map<string, number>, signal: AbortSignal): Promise<void> {
  const names = Object.keys(FAULTS).filter((name) => world.postgres.disk || name !== NEEDS_DISK);
  while (!signal.aborted) {
    await delay(MIN_CALM_MS + random() * MORE_CALM_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const name = names[Math.floor(random() * names.length)] as string;
    await FAULTS[name]?.(world, random);
    done.set(name, (done.get(name) ?? 0) + 1);
  }
}

/**
 * At a steady rate, but never with more than IN_HAND unanswered: each is asked again until it is accepted, and many that
 * ask again would take the processor from what is tried here.
 */
async function deleteAll(world: World, ids: string[]) {
  const [asked, accepted] = [new Set<string>(), new Set<string>()];
  let token = '';
  const anApi = () => world.apis[Math.floor(Math.random() * world.apis.length)]?.running as { url: string };
  let signingIn: Promise<void> | null = null;
  // One for all that need it: a login is dear, and there is a limit of them.
  const signIn = () => {
    signingIn ??= ask(anApi(), LOGIN, { input: ADMIN })
      .then(({ data }) => {
        token = data?.login?.accessToken ?? token;
      })
      .finally(() => {
        signingIn = null;
      });
    return signingIn;
  };
  const deleteOne = async (id: string) => {
    for (;;) {
      try {
        asked.add(id);
        const { data, errors } = await ask(anApi(), DELETE_USER, { id }, token);
        if (data?.deleteUser?.id === id) return void accepted.add(id);
        if (errors[0]?.extensions.code === 'UNAUTHENTICATED') await signIn();
      } catch {
        // The API is away, or was killed with the request in hand.
      }
      await delay(ASK_AGAIN_MS);
    }
  };
  const inHand = new Set<Promise<void>>();
  const began = performance.now();
  for (const [index, id] of ids.entries()) {
    await delay(Math.max(0, began + (index / rate) * 1000 - performance.now()));
    while (inHand.size >= IN_HAND) await Promise.race(inHand);
    const deletion: Promise<void> = deleteOne(id).finally(() => inHand.delete(deletion));
    inHand.add(deletion);
  }
  await Promise.all(inHand);
  return { asked, accepted };
}
