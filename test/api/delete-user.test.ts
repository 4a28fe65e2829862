// Closing an account is final, announced once and seen at once, and the last admin stays; users are deleted and read
// again.

import { expect, test } from '@jest/globals';
import { describeApi } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { admin, ask, codes, DELETE_USER, member } from '../support/people.js';

describeApi('deleteUser', (app) => {
  const events = (userId: string) =>
    app().database.em.execute(`select id, data from outbox where subject = ? and type = 'user.deleted'`, [userId]);

  test('closes the own account for good', async () => {
    const ada = await member(app());

    const { data } = await ada.ask(DELETE_USER, { id: ada.id });

    expect(data.deleteUser).toEqual({ id: ada.id, deletedAt: expect.any(String) });
    expect(codes(await ada.ask(DELETE_USER, { id: ada.id }))).toEqual(['UNAUTHENTICATED']);
  });

  test('an admin closes any account, sees that it is closed, and says who did it', async () => {
    const [root, ada] = [await admin(app()), await member(app())];

    const { data } = await root.ask(DELETE_USER, { id: ada.id });

    const seen = await root.ask('query ($id: ID!) { user(id: $id) { isActive deletedAt } }', { id: ada.id });
    expect(seen.data.user).toEqual({ isActive: false, deletedAt: data.deleteUser.deletedAt });
    expect(await events(ada.id)).toEqual([
      {
        id: expect.any(String),
        data: { userId: ada.id, deletedBy: root.id, deletedAt: data.deleteUser.deletedAt },
      },
    ]);
  });

  test('twice changes nothing and announces nothing', async () => {
    const [root, ada] = [await admin(app()), await member(app())];

    const first = await root.ask(DELETE_USER, { id: ada.id });
    const second = await root.ask(DELETE_USER, { id: ada.id });

    expect(second.data).toEqual(first.data);
    expect(await events(ada.id)).toHaveLength(1);
  });

  test('a member cannot close somebody else, and learns nothing', async () => {
    const [eve, ada] = [await member(app()), await member(app())];

    expect(codes(await eve.ask(DELETE_USER, { id: ada.id }))).toEqual(['FORBIDDEN']);
    expect(codes(await ask(app(), DELETE_USER, { id: ada.id }))).toEqual(['UNAUTHENTICATED']);
    expect(await events(ada.id)).toEqual([]);
  });

  test('an admin is told of an id that is none, or of no user', async () => {
    const root = await admin(app());

    expect(codes(await root.ask(DELETE_USER, { id: 'nonsense' }))).toEqual(['BAD_USER_INPUT']);
    expect(codes(await root.ask(DELETE_USER, { id: '01900000-0000-7000-8000-000000000000' }))).toEqual(['NOT_FOUND']);
  });

  test('the event reaches the consumer, once', async () => {
    const ada = await member(app());
    await ada.ask(DELETE_USER, { id: ada.id });

    const received = () =>
      app()
        .logged()
        .split('\n')
        .filter((line) => line.includes('user deletion received') && line.includes(ada.id));
    await eventually(() => expect(received()).toHaveLength(1));

    await eventually(async () => {
      const waiting = await app().database.em.execute('select id from outbox where published_at is null');
      expect(waiting).toEqual([]);
    });
    expect(received()).toHaveLength(1);
  });

  test('a user who is read again after the deletion is read as deleted, by id, in lists and in counts', async () => {
    const [root, ada] = [await admin(app()), await member(app(), { name: 'Counted' })];
    const query = `query ($id: ID!) {
      user(id: $id) { isActive }
      users(filter: { search: "counted", isActive: true }) { totalCount nodes { id } }
    }`;
    const before = await root.ask(query, { id: ada.id });
    await root.ask(DELETE_USER, { id: ada.id });

    const after = await root.ask(query, { id: ada.id });

    expect(before.data).toEqual({ user: { isActive: true }, users: { totalCount: 1, nodes: [{ id: ada.id }] } });
    expect(after.data).toEqual({ user: { isActive: false }, users: { totalCount: 0, nodes: [] } });
  });
});

describeApi('the last admin', (app) => {
  test('cannot go, and others can until one is left (A20)', async () => {
    const [first, second] = [await admin(app()), await admin(app())];

    expect(codes(await first.ask(DELETE_USER, { id: second.id }))).toEqual([]);
    expect(codes(await first.ask(DELETE_USER, { id: first.id }))).toEqual(['LAST_ADMIN']);
    expect(codes(await first.ask('{ me { id } roles { name } }'))).toEqual([]);
  });

  test('stays also against the database itself', async () => {
    const { em } = app().database;
    const gone = [
      'update users set is_active = false',
      'update users set deleted_at = now()',
      `update users set role_id = (select id from roles where name = 'MEMBER')`,
      'delete from users',
    ];

    for (const statement of gone)
      await expect(em.execute(statement)).rejects.toThrow('the last active admin cannot go');
  });
});
