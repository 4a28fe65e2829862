// Lists and counts are read on a streaming replica, and a reader sees each write that was answered before: on the other
// instance, under load, and while the replica is behind, frozen, or away.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { codes, member, type Person, signIn } from '../support/people.js';
import { type ApiProcess, type Env, select, startApi } from '../support/processes.js';
import { databaseOn, type PostgresServer, startPostgres, startReplica } from '../support/servers/postgres.js';
import type { Server } from '../support/servers/private-server.js';

const NEWEST = `query ($filter: UserFilter) {
  users(first: 3, filter: $filter) { totalCount nodes { id isActive } }
}`;
const EVENTS = 'query ($id: ID!) { auditEvents(first: 1, filter: { subjectId: $id }) { nodes { action } } }';
const RENAME = 'mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { id } }';
const DEACTIVATE = 'mutation ($id: ID!) { deactivateUser(id: $id) { id } }';
const LOST = 'replicas cannot be read; reading from the primary';

describeWithServers(['postgres'], 'two instances on a database with a replica', () => {
  let primary: PostgresServer;
  let replica: Server;
  let copy: string;
  let env: Env;
  let one: ApiProcess;
  let other: ApiProcess;
  let admin: Person;

  beforeAll(async () => {
    primary = await startPostgres();
    const database = await primary.createDatabase();
    replica = await startReplica(primary);
    copy = databaseOn(replica, database);
    env = { DATABASE_URL: database, DATABASE_REPLICA_URLS: copy };
    one = await startApi(env);
    other = await startApi(env);
    admin = await signIn(one);
  });

  afterAll(async () => {
    await Promise.all([one?.kill(), other?.kill()]);
    await replica?.stop();
    await primary?.stop();
  });

  let lists = 0;
  /** Never from the cache: each filter is a new one. */
  const newest = async (api: ApiProcess) => {
    lists += 1;
    const filter = { createdFrom: new Date(lists).toISOString() };
    const { data, errors } = await api.ask(NEWEST, { filter }, admin.token);
    expect(errors).toEqual([]);
    return data;
  };
  const scansOf = async (url: string) => {
    const [row] = await select(
      url,
      "select sum(coalesce(seq_scan, 0) + coalesce(idx_scan, 0))::int as scans from pg_stat_user_tables where relname in ('users', 'audit_events')",
    );
    return row.scans as number;
  };
  /** The statistics of a server follow its reads after a moment. */
  const readsOnReplica = () =>
    eventually(async () => {
      const before = await scansOf(copy);
      await newest(one);
      await newest(other);
      await eventually(async () => expect(await scansOf(copy)).toBeGreaterThan(before), 3_000);
    });
  const bothSeeEachWrite = async (rounds: number) => {
    for (let round = 0; round < rounds; round++) {
      const [here, there] = round % 2 ? [one, other] : [other, one];
      const before = await newest(there);
      const { id } = await member(here);
      const joined = await newest(there);
      expect(codes(await here.ask(DEACTIVATE, { id }, admin.token))).toEqual([]);
      const left = await newest(there);
      const events = await there.ask(EVENTS, { id }, admin.token);

      expect(joined.users.totalCount).toBe(before.users.totalCount + 1);
      expect(joined.users.nodes[0]).toEqual({ id, isActive: true });
      expect(left.users.nodes[0]).toEqual({ id, isActive: false });
      expect(events.data.auditEvents.nodes).toEqual([{ action: 'user.deactivated' }]);
    }
  };

  test('read lists and counts there', async () => {
    await readsOnReplica();
  });

  test('see what was written before, while others write', async () => {
    const ada = await member(one);
    let isDone = false;
    const load = (async () => {
      for (let turn = 0; !isDone; turn++) await one.ask(RENAME, { input: { name: `Ada ${turn}` } }, ada.token);
    })();

    await bothSeeEachWrite(20).finally(() => {
      isDone = true;
    });
    await load;

    await readsOnReplica();
  });

  test('see it while the replica does not follow, and remember nothing that is old', async () => {
    await select(copy, 'select pg_wal_replay_pause()');
    try {
      await bothSeeEachWrite(4);
    } finally {
      await select(copy, 'select pg_wal_replay_resume()');
    }
    await bothSeeEachWrite(4);
    await readsOnReplica();
  });

  test('are right also where one starts while the replica is away', async () => {
    await replica.halt();
    await using late = await startApi(env);
    const { users } = await newest(late);
    await replica.resume();

    expect(users.nodes).toHaveLength(3);
    await readsOnReplica();
  });

  test.each([
    ['frozen', () => replica.freeze(), () => replica.thaw()],
    ['stopped', () => replica.halt(), () => replica.resume()],
    ['killed', () => replica.crash(), () => replica.resume()],
  ] as [string, () => unknown, () => unknown][])(
    'see it while the replica is %s, and read there again after that',
    async (_, goes, comes) => {
      const linesBefore = one.lines(LOST).length;
      await goes();
      try {
        await bothSeeEachWrite(4);
        await eventually(async () => {
          await newest(one);
          expect(one.lines(LOST).length).toBe(linesBefore + 1);
        });
      } finally {
        await comes();
      }
      await readsOnReplica();
    },
  );
});
