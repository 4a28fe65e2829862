import { type Answer, codes, LOGIN, PASSWORD, REGISTER } from '../test/support/people.js';
import { type ApiProcess, freshEmail, select, signIn } from '../test/support/processes.js';
import { machine, row, startInstances } from './instances.js';
import { quantile } from './statistics.js';

/**
 * How long after its commit on one instance the other refuses what was taken away, with Redis up, down and frozen. The other is asked without a pause from the moment that the change
 * is requested. SESSIONS for each state of Redis, 1000 unless told.
 */
const SESSIONS = Number(process.env.SESSIONS ?? 1_000);
const PREPARED_AT_ONCE = 10;
const READ_USER = 'query ($id: ID!) { user(id: $id) { id } }';
const REFUSALS = ['UNAUTHENTICATED', 'FORBIDDEN'];

await using instances = await startInstances();
const { one, other, database, redis } = instances;
const admin = await signIn(one);

interface Victim {
  /** What is asked for with `token`, and is refused once the change counts. */
  token: string;
  subjectId: string;
  revoke(): Promise<Answer>;
  /** Of the row with which the change was committed. */
  committed: { table: 'sessions' | 'users'; id: string };
}

const now = () => performance.timeOrigin + performance.now();
const accepted = (answer: Answer): boolean => {
  const found = codes(answer);
  if (found.every((code) => REFUSALS.includes(code))) return found.length === 0;
  throw new Error(`neither accepted nor refused: ${answer.text}`);
};
const probe = async (api: ApiProcess, { token, subjectId }: Victim) =>
  accepted(await api.ask(READ_USER, { id: subjectId }, token));

/** Somebody with two sessions: `token` is of the first. */
async function twice() {
  const input = { email: freshEmail(), password: PASSWORD };
  const { register } = (await one.ask(REGISTER, { input: { ...input, name: 'Ada' } })).data;
  const { login } = (await one.ask(LOGIN, { input })).data;
  return {
    id: String(register.user.id),
    sessionId: String(register.session.id),
    token: String(register.accessToken),
    second: String(login.accessToken),
  };
}

type Somebody = Awaited<ReturnType<typeof twice>>;

const bySession = (user: Somebody, revoke: Victim['revoke']): Victim => ({
  token: user.token,
  subjectId: user.id,
  revoke,
  committed: { table: 'sessions', id: user.sessionId },
});

/** The ways to take something away, in turn. */
const WAYS: ((user: Somebody) => Victim | Promise<Victim>)[] = [
  (user) =>
    bySession(user, () =>
      one.ask('mutation ($id: ID!) { revokeSession(id: $id) { sessionsEnded } }', { id: user.sessionId }, user.second),
    ),
  (user) => bySession(user, () => one.ask('mutation { logout { sessionsEnded } }', {}, user.token)),
  (user) => bySession(user, () => one.ask('mutation { logoutEverywhere { sessionsEnded } }', {}, user.second)),
  (user) =>
    bySession(user, () =>
      one.ask(
        'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }',
        { input: { currentPassword: PASSWORD, newPassword: 'a quite different one' } },
        user.second,
      ),
    ),
  (user) =>
    bySession(user, () => one.ask('mutation ($id: ID!) { deleteUser(id: $id) { id } }', { id: user.id }, admin.token)),
  async (user) => {
    await setRole(user, 'ADMIN');
    const revoke = () => setRole(user, 'MEMBER');
    return { token: user.token, subjectId: admin.id, revoke, committed: { table: 'users', id: user.id } };
  },
];

const setRole = ({ id }: Somebody, role: 'ADMIN' | 'MEMBER') =>
  one.ask(
    'mutation ($id: ID!, $role: RoleName!) { setUserRole(id: $id, role: $role) { id } }',
    { id, role },
    admin.token,
  );

/** People of whom the other instance knows, in the cache, that they may. */
async function prepare(): Promise<Victim[]> {
  const victims: Victim[] = [];
  while (victims.length < SESSIONS) {
    const batch = Array.from({ length: Math.min(PREPARED_AT_ONCE, SESSIONS - victims.length) }, async (_, index) => {
      const way = WAYS[(victims.length + index) % WAYS.length] as (typeof WAYS)[number];
      const victim = await way(await twice());
      for (const api of [other, other, one])
        if (!(await probe(api, victim))) throw new Error('refused before it was revoked');
      return victim;
    });
    victims.push(...(await Promise.all(batch)));
  }
  return victims;
}

/** PostgreSQL's own time of the transaction; its clock is this machine's. */
async function committedAt({ table, id }: Victim['committed']): Promise<number> {
  const at = `select extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000 as at from ${table} where id = $1`;
  const [{ at: milliseconds }] = await select(database, at, [id]);
  return Number(milliseconds);
}

/** Milliseconds from the commit to the first refusal's arrival, and to the beginning of each request that was accepted. */
async function revoke(victim: Victim) {
  // The preparation may be longer ago than an entry of the cache lives.
  if (!(await probe(other, victim))) throw new Error('refused before it was revoked');
  const acceptedAt: number[] = [];
  const revoked = victim.revoke();
  for (let began = now(); await probe(other, victim); began = now()) acceptedAt.push(began);
  const refusedAt = now();
  const { errors, text } = await revoked;
  if (errors.length > 0) throw new Error(`not revoked: ${text}`);
  const commit = await committedAt(victim.committed);
  return { refusedMs: refusedAt - commit, acceptedMs: acceptedAt.map((began) => began - commit) };
}

const stillAccepted = async (victims: Victim[]) => {
  let count = 0;
  for (const victim of victims) for (const api of [one, other]) if (await probe(api, victim)) count += 1;
  return count;
};

async function measure(state: string, enter: () => unknown, leave: () => unknown) {
  const victims = await prepare();
  await enter();
  const seen = [];
  for (const victim of victims) seen.push(await revoke(victim));
  const late = await stillAccepted(victims);
  await leave();
  const back = await stillAccepted(victims);
  const refused = seen.map(({ refusedMs }) => refusedMs);
  const after = seen.flatMap(({ acceptedMs }) => acceptedMs.filter((ms) => ms > 0));
  const [p50, p99, max] = [0.5, 0.99, 1].map((q) => quantile(refused, q).toFixed(1));
  const afterOneSecond = after.filter((ms) => ms > 1_000).length + late + back;
  const latest = after.length > 0 ? Math.max(...after).toFixed(1) : '';
  row(state, SESSIONS, `${p50}`, `${p99}`, `${max}`, after.length, latest, afterOneSecond);
}

row('Redis', 'revocations', 'p50 ms', 'p99 ms', 'max ms', 'accepted after', 'latest, ms after', 'accepted after 1 s');
row('---', '---', '---', '---', '---', '---', '---', '---');
const nothing = () => undefined;
await measure('up', nothing, nothing);
await measure(
  'down, then up',
  () => redis.halt(),
  () => redis.resume(),
);
await measure(
  'frozen, then thawed',
  () => redis.freeze(),
  () => redis.thaw(),
);
console.log(`
From PostgreSQL's time of the commit to the arrival of the other instance's first refusal. Accepted after: requests that began after the commit and were accepted. The last
column has also those of all tokens, asked once more on both instances when the last one was revoked, and again when Redis was back. ${machine()}.`);
