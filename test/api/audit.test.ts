// Every change and every refusal is recorded in a chain that shows alterations; operations are run, the trail is
// read, and rows are altered.

import { expect, test } from '@jest/globals';
import { AuditDigests } from '../../src/audit/audit-digests.js';
import { verifyAudit } from '../../src/audit/verify.js';
import { describeApi } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { admin, ask, codes, DELETE_USER, LOGIN, member, members, PASSWORD, REGISTER } from '../support/people.js';

const EVENTS = `query ($filter: AuditFilter, $first: Int, $after: String) {
  auditEvents(filter: $filter, first: $first, after: $after) {
    nodes { id action result actorId subjectId sessionId ipAddress at details }
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;
const TRAIL = 'query ($id: ID!) { user(id: $id) { auditTrail { nodes { action result actorId details } } } }';
const SET_ROLE = 'mutation ($id: ID!, $role: RoleName!) { setUserRole(id: $id, role: $role) { id } }';

describeApi('the audit trail', (app) => {
  const trailOf = async (id: string) => {
    const root = await admin(app());
    const { data } = await root.ask(TRAIL, { id });
    return data.user.auditTrail.nodes as { action: string; result: string; actorId: string; details: object }[];
  };
  const actionsOf = async (id: string) => (await trailOf(id)).map(({ action }) => action);

  test('has who did what to whom, from where, in which session', async () => {
    const [root, ada] = [await admin(app()), await member(app())];
    await root.ask(SET_ROLE, { id: ada.id, role: 'ADMIN' });

    const { data } = await root.ask(EVENTS, { filter: { subjectId: ada.id, action: 'user.role_changed' } });

    expect(data.auditEvents.nodes).toEqual([
      {
        id: expect.any(String),
        action: 'user.role_changed',
        result: 'SUCCEEDED',
        actorId: root.id,
        subjectId: ada.id,
        sessionId: root.sessionId,
        ipAddress: '127.0.0.1',
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        details: { from: 'MEMBER', to: 'ADMIN' },
      },
    ]);
  });

  test('has everything that happens to an account, newest first, and nothing that did not (A37)', async () => {
    const [root, ada] = [await admin(app()), await member(app())];
    const login = { input: { email: ada.email, password: PASSWORD } };
    await ask(app(), LOGIN, login);
    await ada.ask('mutation { updateProfile(input: { name: "Countess" }) { id } }');
    await ada.ask('mutation { updateProfile(input: { name: "Countess" }) { id } }');
    const change = (currentPassword: string) =>
      ada.ask('mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }', {
        input: { currentPassword, newPassword: 'a quite different one' },
      });
    await change('not the password');
    await change(PASSWORD);
    await root.ask(SET_ROLE, { id: ada.id, role: 'MEMBER' });
    const OFF = 'mutation ($id: ID!) { deactivateUser(id: $id, reason: "Left") { isActive } }';
    await root.ask(OFF, { id: ada.id });
    await root.ask(OFF, { id: ada.id });
    await ask(app(), LOGIN, { input: { email: ada.email, password: 'a quite different one' } });
    await root.ask('mutation ($id: ID!) { activateUser(id: $id) { isActive } }', { id: ada.id });
    const { data } = await ask(app(), LOGIN, { input: { email: ada.email, password: 'a quite different one' } });
    await ask(app(), 'mutation { logout { sessionsEnded } }', {}, data.login.accessToken);
    const open = await trailOf(ada.id);
    await root.ask(DELETE_USER, { id: ada.id });
    await root.ask(DELETE_USER, { id: ada.id });
    // Erased by the consumer, whenever it comes to it.
    await eventually(async () => expect((await trailOf(ada.id))[0]?.action).toBe('user.purged'));
    const trail = await trailOf(ada.id);

    expect(trail.map(({ action }) => action)).toEqual([
      'user.purged',
      'user.deleted',
      'session.ended',
      'session.opened',
      'user.activated',
      'login.failed',
      'user.deactivated',
      'user.password_changed',
      'password_change.failed',
      'user.profile_updated',
      'session.opened',
      'session.opened',
      'user.registered',
    ]);
    expect(open.find(({ action }) => action === 'user.deactivated')).toMatchObject({
      actorId: root.id,
      details: { reason: 'Left' },
    });
    expect(open.find(({ action }) => action === 'login.failed')).toMatchObject({
      result: 'FAILED',
      details: { code: 'ACCOUNT_DISABLED' },
    });
  });

  test('has failed logins, of known and of unknown addresses', async () => {
    const [root, ada] = [await admin(app()), await member(app())];
    const since = new Date().toISOString();
    await ask(app(), LOGIN, { input: { email: ada.email, password: 'not the password' } });
    await ask(app(), LOGIN, { input: { email: 'nobody@example.com', password: PASSWORD } });

    const { data } = await root.ask(EVENTS, { filter: { action: 'login.failed', from: since } });

    expect(data.auditEvents.nodes).toMatchObject([
      { subjectId: null, actorId: null, sessionId: null, result: 'FAILED', details: { code: 'INVALID_CREDENTIALS' } },
      { subjectId: ada.id, actorId: null, sessionId: null, result: 'FAILED', details: { code: 'INVALID_CREDENTIALS' } },
    ]);
  });

  test('has operations that were denied, with the user that they were about', async () => {
    const [eve, ada] = [await member(app()), await member(app())];
    await eve.ask('query ($id: ID!) { user(id: $id) { id } }', { id: ada.id.toUpperCase() });
    await eve.ask('{ user(id: "x") { id } }');
    await eve.ask('{ users { totalCount } }');
    await ask(app(), '{ users { totalCount } }');

    const root = await admin(app());
    const { data } = await root.ask(EVENTS, { filter: { actorId: eve.id, action: 'access.denied' } });

    expect(data.auditEvents.nodes).toMatchObject([
      { result: 'DENIED', subjectId: null, details: { operation: 'Query.users' } },
      { result: 'DENIED', subjectId: null, details: { operation: 'Query.user' } },
      { result: 'DENIED', subjectId: ada.id, details: { operation: 'Query.user' } },
    ]);
  });

  test('has one event for all that a request was denied', async () => {
    const [eve, ada] = [await member(app()), await member(app())];
    await eve.ask('query ($id: ID!) { a: user(id: $id) { id } b: user(id: "x") { id } users { totalCount } }', {
      id: ada.id,
    });

    const root = await admin(app());
    const { data } = await root.ask(EVENTS, { filter: { actorId: eve.id, action: 'access.denied' } });

    expect(data.auditEvents.nodes).toMatchObject([
      { result: 'DENIED', subjectId: null, details: { operation: 'Query.user, Query.users', count: 3 } },
    ]);
  });

  test('has the reuse of a refresh token', async () => {
    const ada = await member(app());
    const refresh = (refreshToken: string) =>
      ask(app(), 'mutation ($input: RefreshInput!) { refresh(input: $input) { refreshToken } }', {
        input: { refreshToken },
      });
    const first = await refresh(ada.refreshToken);
    await refresh(first.data.refresh.refreshToken);
    await refresh(ada.refreshToken);
    await refresh(ada.refreshToken);

    expect(await actionsOf(ada.id)).toEqual(['session.reuse_detected', 'session.opened', 'user.registered']);
  });

  test('has nothing of what was refused by the database', async () => {
    const ada = await member(app());
    const root = await admin(app());
    await app().database.em.execute(
      `update users set is_active = false where id <> ? and role_id = (select role_id from users where id = ?)`,
      [root.id, root.id],
    );
    await app().cache.invalidateAll();
    expect(codes(await root.ask(DELETE_USER, { id: root.id }))).toEqual(['LAST_ADMIN']);
    expect(codes(await ask(app(), REGISTER, { input: { email: ada.email, password: PASSWORD, name: 'Eve' } }))).toEqual(
      ['EMAIL_TAKEN'],
    );

    expect(await actionsOf(root.id)).toEqual(['session.opened', 'user.registered']);
    expect(await actionsOf(ada.id)).toEqual(['session.opened', 'user.registered']);
  });

  test('is read in pages that neither skip nor repeat, while more is added', async () => {
    const [root, ada] = [await admin(app()), await member(app())];
    for (let number = 0; number < 6; number += 1)
      await ada.ask(`mutation { updateProfile(input: { name: "Ada ${number}" }) { id } }`);
    const all = (await root.ask(EVENTS, { filter: { subjectId: ada.id } })).data.auditEvents;

    const seen: string[] = [];
    let after: string | null = null;
    do {
      const { data } = await root.ask(EVENTS, { filter: { subjectId: ada.id }, first: 3, after });
      seen.push(...data.auditEvents.nodes.map(({ id }: { id: string }) => id));
      after = data.auditEvents.pageInfo.hasNextPage ? data.auditEvents.pageInfo.endCursor : null;
      await ada.ask(`mutation { updateProfile(input: { name: "Later ${seen.length}" }) { id } }`);
    } while (after);

    expect(seen).toEqual(all.nodes.map(({ id }: { id: string }) => id));
    expect(all.edges.map(({ node }: { node: { id: string } }) => node.id)).toEqual(seen);
    expect(all.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false });
  });

  test('is filtered by time, with the end left out', async () => {
    const [root, ada] = [await admin(app()), await member(app())];
    const [last] = (await root.ask(EVENTS, { filter: { subjectId: ada.id } })).data.auditEvents.nodes;
    const count = async (filter: object) =>
      (await root.ask(EVENTS, { filter: { subjectId: ada.id, action: last.action, ...filter } })).data.auditEvents.nodes
        .length;

    expect(await count({ from: last.at })).toBe(1);
    expect(await count({ before: last.at })).toBe(0);
    expect(await count({ from: '0001-01-01T00:00:00Z', before: '9999-12-31T00:00:00Z' })).toBe(1);
  });

  test.each<[string, object, string]>([
    ['filter.actorId', { filter: { actorId: 'x' } }, 'UUID'],
    ['filter.subjectId', { filter: { subjectId: 'x' } }, 'UUID'],
    ['filter.actorId', { filter: { actorId: '' } }, 'UUID'],
    ['filter.action', { filter: { action: "'; drop" } }, 'action'],
    ['filter.action', { filter: { action: 'login.failled' } }, 'action'],
    ['filter.action', { filter: { action: '' } }, 'action'],
    ['first', { first: 0 }, '1 to 100'],
    ['after', { after: 'x' }, 'cursor'],
  ])('names %s when it does not fit', async (path, variables, word) => {
    const { errors } = await (await admin(app())).ask(EVENTS, variables as Record<string, unknown>);

    expect(errors).toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT', path }, message: expect.stringContaining(word) },
    ]);
  });
});

describeApi('the chains of the audit trail', (app) => {
  const digests = () => app().auditDigests;
  const verify = (known = {}) => verifyAudit(app().database.em, digests(), Object.values(known));
  /** As somebody would who has the database, and with it every trigger. */
  const alter = async (sql: string, values: unknown[] = []) => {
    const { em } = app().database;
    await em.execute('alter table audit_events disable trigger append_only');
    await em.execute(sql, values);
    await em.execute('alter table audit_events enable trigger append_only');
  };
  const someEvent = async () => {
    const [row] = await app().database.em.execute(
      'select id, chain, position from audit_events e where position < (select position from audit_chains c where c.id = e.chain) order by random() limit 1',
    );
    return row as { id: string; chain: number; position: number };
  };

  test('are whole, however many write at once', async () => {
    const people = await members(app(), 60);

    const { breaks, events } = await verify();

    expect(breaks).toEqual([]);
    // The registration and the session of each.
    expect(events).toBe(2 * people.length);
  });

  test('refuse a change or a removal, but from somebody who means it', async () => {
    const { em } = app().database;

    await expect(em.execute(`update audit_events set action = 'user.deleted'`)).rejects.toThrow();
    await expect(em.execute('delete from audit_events')).rejects.toThrow();
    expect((await verify()).breaks).toEqual([]);
  });

  test.each<[string, string, string]>([
    ['an altered action', `update audit_events set action = 'login.failed' where id = ?`, 'altered'],
    ['an altered actor', `update audit_events set actor_id = null where id = ?`, 'altered'],
    ['an altered time', `update audit_events set at = at + interval '1 millisecond' where id = ?`, 'altered'],
    ['altered details', `update audit_events set details = '{"role": "MEMBER"}' where id = ?`, 'altered'],
    ['an altered digest', `update audit_events set digest = previous_digest || 'x' where id = ?`, 'altered'],
    ['a missing event', 'delete from audit_events where id = ?', 'missing'],
  ])('show %s by its place', async (_, sql, what) => {
    const { id, chain, position } = await someEvent();
    const { em } = app().database;
    const rows = await em.execute('select * from audit_events where id = ?', [id]);
    await alter(sql, [id]);

    const { breaks } = await verify();

    await alter('delete from audit_events where id = ?', [id]);
    await alter('insert into audit_events select * from jsonb_populate_record(null::audit_events, ?::jsonb)', [
      JSON.stringify(rows[0]),
    ]);
    expect(breaks).toEqual([{ chain, position, what: expect.stringContaining(what) }]);
    expect((await verify()).breaks).toEqual([]);
  });

  test('show newest events that were cut off: by their end, or by ends that were kept elsewhere', async () => {
    await member(app());
    const { em } = app().database;
    const { heads } = await verify();
    const [last] = await em.execute(
      'select e.* from audit_events e join audit_chains c on c.id = e.chain and c.position = e.position where e.position > 1 limit 1',
    );
    const { chain, position, previous_digest } = last as { chain: number; position: number; previous_digest: string };
    await alter('delete from audit_events where chain = ? and position = ?', [chain, position]);

    const byEnd = (await verify()).breaks;
    await em.execute('update audit_chains set position = ?, digest = ? where id = ?', [
      position - 1,
      previous_digest,
      chain,
    ]);
    const [unseen, byHeads] = [(await verify()).breaks, (await verify(heads)).breaks];

    const missing = { chain, position, what: 'is missing' };
    expect([byEnd, unseen, byHeads]).toEqual([[missing], [], [missing]]);
  });

  test('cannot be made without the key', async () => {
    const { breaks, heads } = await verifyAudit(app().database.em, new AuditDigests('another secret, long enough'));

    expect(breaks.length).toBeGreaterThan(0);
    expect(breaks.every(({ position }) => position === 1)).toBe(true);
    expect(heads.every(({ position }) => position === 0)).toBe(true);
  });
});
