import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { compare, hash } from 'bcrypt';
import { chart } from './chart.js';
import { machine } from './instances.js';
import { measureInTurns, type Result } from './measure.js';
import { startTargets } from './servers.js';
import { WORKLOADS, type WorkloadName } from './workloads.js';

/**
 * Requests a second of Gatehouse beside other servers, all with the same PEOPLE (100,000 unless told) on a private
 * PostgreSQL and Redis, one process each. Each workload is measured on all servers in turns: ROUNDS (3) of SECONDS (5)
 * with CONNECTIONS (32). ONLY names workloads, PEERS=0 leaves out the servers of other packages, and BEFORE is the folder
 * of another checkout, built. PROFILES is a folder for CPU profiles. Every answer is looked at. Prints a table, and
 * writes it and a chart to `bench/results`.
 */
const length = {
  seconds: Number(process.env.SECONDS ?? 5),
  rounds: Number(process.env.ROUNDS ?? 3),
  connections: Number(process.env.CONNECTIONS ?? 32),
};
const people = Number(process.env.PEOPLE ?? 100_000);
const bcryptCost = Number(process.env.BCRYPT_COST ?? 12);
const names = Object.keys(WORKLOADS) as WorkloadName[];
const only = process.env.ONLY?.split(',') ?? names;
const unknown = only.filter((name) => !names.includes(name as WorkloadName));
if (unknown.length > 0) throw new Error(`ONLY names ${unknown}; there are ${names}`);

await using stack = new AsyncDisposableStack();
const withPeers = process.env.PEERS !== '0';
const { BEFORE: before, PROFILES: profiles } = process.env;
const { connections } = length;
const nodeOptions = profiles && `--cpu-prof --cpu-prof-dir=${resolve(profiles)}`;
const targets = await startTargets(stack, { people, bcryptCost, before, withPeers, nodeOptions, connections });

const results: Result[] = [];
const lines: string[] = [];
const say = (line: string) => {
  console.log(line);
  lines.push(line);
};
const title = `Requests a second, with ${people.toLocaleString('en')} people`;
const folder = join('bench', 'results');
mkdirSync(folder, { recursive: true });
const file = join(folder, `${people}-people-${connections}-connections`);
const packages = ['mercurius', 'postgraphile', 'better-auth'];
say(`# ${title}\n`);
say(`${machine()}; ${length.rounds} × ${length.seconds} s in turns with`);
say(`${connections} connections; bcrypt's cost is ${bcryptCost}. Median, and from least to most.\n`);
if (withPeers) say(`${packages.map((name) => `${name} ${versionOf(name)}`).join(', ')}.\n`);
say('| request | server | a second | least to most | to Gatehouse | p50 ms | p99 ms | failed |');
say('| --- | --- | --- | --- | --- | --- | --- | --- |');
for (const workload of names.filter((name) => only.includes(name))) {
  const measured = await measureInTurns(targets, workload, length);
  results.push(...measured);
  const ours = measured[0]?.rate ?? Number.NaN;
  for (const { target, rate, least, most, p50, p99, failed } of measured) {
    const range = `${least.toFixed(0)} to ${most.toFixed(0)}`;
    const cells = [WORKLOADS[workload], target, rate.toFixed(0), range, (rate / ours).toFixed(2), p50, p99, failed];
    say(`| ${cells.join(' | ')} |`);
  }
  write();
}
if (only.some((name) => name === 'login' || name === 'register'))
  say(`\n\`bcrypt.compare\` alone, on all threads: ${(await comparisons()).toFixed(1)} a second.`);
write();
console.log(`\nWritten to ${file}.md and .svg.`);

function write(): void {
  writeFileSync(`${file}.md`, `${lines.join('\n')}\n`);
  writeFileSync(`${file}.svg`, chart(results, title));
}

function versionOf(name: string): string {
  return JSON.parse(readFileSync(join('bench', 'peers', 'package.json'), 'utf8')).dependencies[name];
}

/** What the cost of bcrypt alone allows on this machine, a second. */
async function comparisons(): Promise<number> {
  const digest = await hash('a password', bcryptCost);
  const began = performance.now();
  const until = began + length.seconds * 1000;
  let done = 0;
  const worker = async () => {
    while (performance.now() < until) {
      await compare('a password', digest);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return (done / (performance.now() - began)) * 1000;
}
