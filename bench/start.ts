import { type Env, startApi, usedDataFolder } from '../test/support/processes.js';
import { startPostgres } from '../test/support/servers/postgres.js';
import { startRedis } from '../test/support/servers/redis.js';
import { residentMb } from './cpu.js';
import { machine, row } from './instances.js';
import { quantile } from './statistics.js';

/**
 * How long the API takes from its first moment to its first answer, and how much memory it holds then, ROUNDS times (10
 * unless told) in turns: as it is shipped, and as modules that are not bundled, on PostgreSQL and Redis; and on the
 * embedded database. Databases have their tables and an admin.
 */
const rounds = Number(process.env.ROUNDS ?? 10);
const [BUNDLED, MODULES] = ['dist/src/main.js', 'build/src/main.js'];

await using stack = new AsyncDisposableStack();
const [postgres, redis] = await Promise.all([startPostgres({ durable: true }), startRedis()]);
stack.defer(async () => void (await Promise.all([postgres.stop(), redis.stop()])));
const servers = { DATABASE_URL: await postgres.createDatabase(), REDIS_URL: redis.url };
const kinds: [string, string, Env][] = [
  ['PostgreSQL and Redis', BUNDLED, servers],
  ['the same, not bundled', MODULES, servers],
  ['embedded, with data there', BUNDLED, { DATA_DIR: await usedDataFolder() }],
];
const seen = kinds.map(([name, script, env]) => ({ name, script, env, ms: [] as number[], mb: [] as number[] }));

// The first round warms up.
for (let round = 0; round <= rounds; round += 1)
  for (const { script, env, ms, mb } of seen) {
    // As in the image: nothing is kept of an earlier start, and stacks name lines of the sources.
    const shipped = { ...env, NODE_COMPILE_CACHE: '', NODE_OPTIONS: '--enable-source-maps' };
    const began = performance.now();
    await using api = await startApi(shipped, script);
    const { data } = await api.ask('{ __typename }');
    const took = performance.now() - began;
    if (data.__typename !== 'Query') throw new Error('the answer is not the one to the query');
    if (round === 0) continue;
    ms.push(took);
    mb.push(residentMb(api.pid));
  }

console.log(`${machine()}; ${rounds} starts of each.\n`);
row('start on', 'ms (median)', 'least', 'most', 'MB (median)');
row('---', '---', '---', '---', '---');
for (const { name, ms, mb } of seen) {
  const times = [quantile(ms, 0.5), Math.min(...ms), Math.max(...ms)];
  row(name, ...times.map((time) => time.toFixed(0)), quantile(mb, 0.5).toFixed(0));
}
