import { type Answer, LOGIN, member, PASSWORD } from '../test/support/people.js';
import { type Env, select, startApi } from '../test/support/processes.js';
import { startPostgres } from '../test/support/servers/postgres.js';
import { machine, printRates } from './instances.js';

/**
 * What it costs that logins are recorded: logins a second of three APIs on one PostgreSQL, in turns. ROUNDS of SECONDS
 * for each, 5 of 4 unless told; CONNECTIONS at once, 16 unless told, each of a user of its own; BCRYPT_COST 4 unless
 * told, so that hashing hides as little as it can.
 */
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SECONDS = Number(process.env.SECONDS ?? 4);
const CONNECTIONS = Number(process.env.CONNECTIONS ?? 16);
const BCRYPT_COST = process.env.BCRYPT_COST ?? '4';

const MAIN = 'dist-bench/src/main.js';
const KINDS: [string, string, string?][] = [
  ['nothing recorded', 'dist-bench/bench/without-audit.js'],
  ['32 chains', MAIN],
  ['one chain', MAIN, 'delete from audit_chains where id > 1'],
];

await using stack = new AsyncDisposableStack();
const postgres = await startPostgres();
stack.defer(() => postgres.stop());
const apis = await Promise.all(
  KINDS.map(async ([name, script, arrange]) => ({ name, logins: await start(script, arrange) })),
);
const rates = new Map(apis.map(({ name }) => [name, [] as number[]]));

for (const { logins } of apis) await loginsASecond(logins, 1);
for (let round = 0; round < ROUNDS; round += 1)
  for (const { name, logins } of apis) rates.get(name)?.push(await loginsASecond(logins, SECONDS));

printRates('logins', rates);
console.log(`\nBCRYPT_COST ${BCRYPT_COST}, ${CONNECTIONS} at once, ${ROUNDS} × ${SECONDS} s; ${machine()}.`);

type Login = () => Promise<Answer>;

/** One for each connection: the logins of one user are one after the other, for each holds the user's row. */
async function start(script: string, arrange?: string): Promise<Login[]> {
  const env: Env = { DATABASE_URL: await postgres.createDatabase(), BCRYPT_COST };
  const api = await startApi(env, script);
  stack.defer(() => api.kill());
  if (arrange) await select(env.DATABASE_URL as string, arrange);
  const people = await Promise.all(Array.from({ length: CONNECTIONS }, () => member(api)));
  return people.map(
    ({ email }) =>
      () =>
        api.ask(LOGIN, { input: { email, password: PASSWORD } }),
  );
}

async function loginsASecond(logins: Login[], seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1_000;
  let done = 0;
  const client = async (login: Login) => {
    while (performance.now() < end) {
      const { errors } = await login();
      if (errors.length > 0) throw new Error(JSON.stringify(errors));
      done += 1;
    }
  };
  await Promise.all(logins.map(client));
  return done / seconds;
}
