// A user is shown to those who may see them, and a list is ordered, searched and paged exactly; lists are read and
// statements counted.

import { beforeAll, expect, test } from '@jest/globals';
import { describeApi } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { admin, codes, member, members, type Person } from '../support/people.js';
import { SILENT_BUS } from '../support/silent-bus.js';

const USER = 'query ($id: ID!) { user(id: $id) { id email name isActive createdAt updatedAt role { name } } }';
const USERS = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: UserFilter, $orderBy: UserOrder) {
  users(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
    nodes { id email name }
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

describeApi('user', (app) => {
  test('a member reads themself', async () => {
    const ada = await member(app());

    const { data } = await ada.ask(USER, { id: ada.id });

    expect(data.user).toMatchObject({ id: ada.id, email: ada.email, isActive: true, role: { name: 'MEMBER' } });
  });

  test('an id in upper case is the same id', async () => {
    const ada = await member(app());

    const { data } = await ada.ask(USER, { id: ada.id.toUpperCase() });

    expect(data.user.id).toBe(ada.id);
  });

  test('a member cannot read somebody else, and does not learn whether there is one', async () => {
    const [eve, ada] = [await member(app()), await member(app())];
    app().statements();

    const known = await eve.ask(USER, { id: ada.id });
    const unknown = await eve.ask(USER, { id: '01900000-0000-7000-8000-000000000000' });
    const nonsense = await eve.ask(USER, { id: 'nonsense' });

    expect(known.text).toBe(unknown.text);
    expect(nonsense.text).toBe(unknown.text);
    expect(codes(known)).toEqual(['FORBIDDEN']);
    expect(
      app()
        .statements()
        .filter((statement) => statement.includes(ada.id)),
    ).toEqual([]);
  });

  test('an admin learns that there is no such user, and which ids are none', async () => {
    const root = await admin(app());

    const unknown = await root.ask(USER, { id: '01900000-0000-7000-8000-000000000000' });
    const nonsense = await root.ask(USER, { id: "' or 1=1 --" });

    expect(unknown.data).toEqual({ user: null });
    expect(unknown.errors).toEqual([]);
    expect(codes(nonsense)).toEqual(['BAD_USER_INPUT']);
    expect(nonsense.errors[0]?.extensions.path).toBe('id');
  });
});

describeApi(
  'users',
  (app) => {
    let root: Person;
    const people: Person[] = [];
    const names = ['Ada', 'Bob', 'Bob', 'Eve', 'Zoë', '100%', 'under_score', 'back\\slash'];
    beforeAll(async () => {
      root = await admin(app());
      for (const name of names) people.push(await member(app(), { name }));
    });

    const list = async (variables: Record<string, unknown>) => (await root.ask(USERS, variables)).data.users;
    const named = async (filter: object) =>
      (await list({ filter })).nodes.map(({ name }: { name: string }) => name).sort();

    test('comes newest first, 20 a page', async () => {
      const { nodes, pageInfo } = await list({});

      expect(nodes.map(({ id }: { id: string }) => id)).toEqual([...people.map(({ id }) => id).reverse(), root.id]);
      expect(pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false });
    });

    test.each([
      ['CREATED_AT', 'ASC'],
      ['CREATED_AT', 'DESC'],
      ['UPDATED_AT', 'DESC'],
      ['EMAIL', 'ASC'],
      ['NAME', 'DESC'],
    ])('walks every user once, forwards and backwards, by %s %s', async (field, direction) => {
      const orderBy = { field, direction };
      const all = (await list({ first: 100, orderBy })).nodes.map(({ id }: { id: string }) => id);

      const forwards: string[] = [];
      for (let after: string | null = null, more = true; more; ) {
        const { edges, pageInfo } = await list({ first: 2, after, orderBy });
        forwards.push(...edges.map(({ node }: { node: { id: string } }) => node.id));
        ({ endCursor: after, hasNextPage: more } = pageInfo);
      }
      const backwards: string[] = [];
      for (let before: string | null = null, more = true; more; ) {
        const { edges, pageInfo } = await list({ last: 4, before, orderBy });
        backwards.unshift(...edges.map(({ node }: { node: { id: string } }) => node.id));
        ({ startCursor: before, hasPreviousPage: more } = pageInfo);
      }

      expect(all).toHaveLength(people.length + 1);
      expect(forwards).toEqual(all);
      expect(backwards).toEqual(all);
    });

    test('ends a range between two cursors', async () => {
      const { edges } = await list({ first: 5 });

      const { nodes } = await list({ first: 10, after: edges[0].cursor, before: edges[4].cursor });

      expect(nodes.map(({ id }: { id: string }) => id)).toEqual(
        edges.slice(1, 4).map((edge: { node: { id: string } }) => edge.node.id),
      );
    });

    test('cursors show nothing and fit only their own order (A27)', async () => {
      const orderBy = { field: 'EMAIL', direction: 'ASC' };
      const { edges } = await list({ first: 1, orderBy });
      const cursor: string = edges[0].cursor;

      const foreign = await root.ask(USERS, { after: cursor, orderBy: { field: 'NAME', direction: 'ASC' } });
      const forged = await root.ask(USERS, { after: `${cursor.slice(0, -4)}AAAA`, orderBy });
      const nonsense = await root.ask(USERS, { before: '!!!', orderBy });

      expect(Buffer.from(cursor, 'base64url').toString('latin1')).not.toContain('example');
      for (const answer of [foreign, forged, nonsense]) expect(codes(answer)).toEqual(['BAD_USER_INPUT']);
    });

    test.each([{ first: 0 }, { first: 101 }, { last: -1 }, { first: 2147483647 }, { first: 1, last: 1 }])(
      'refuses the size %j',
      async (variables) => {
        expect(codes(await root.ask(USERS, variables))).toEqual(['BAD_USER_INPUT']);
      },
    );

    test('searches in name and address, in any case, with % and _ as themselves (A26)', async () => {
      expect(await named({ search: 'bO' })).toEqual(['Bob', 'Bob']);
      expect(await named({ search: '%' })).toEqual(['100%']);
      expect(await named({ search: '_' })).toEqual(['under_score']);
      expect(await named({ search: '\\' })).toEqual(['back\\slash']);
      expect(await named({ search: people[0]?.email.slice(0, 20).toUpperCase() })).toEqual(['Ada']);
    });

    test('searches without regard to blanks around, case, accents and Unicode forms', async () => {
      for (const search of ['zoë', 'ZOE', ' zoe\u0308\u00a0', '\u200bｚｏë'])
        expect(await named({ search })).toEqual(['Zoë']);
      expect(await named({ search: `\t${people[3]?.email.replace('@', '＠').toUpperCase()} ` })).toEqual(['Eve']);
      expect(await named({ search: ' \u3000' })).toHaveLength(people.length + 1);
      expect(await named({ not: { search: ' ' } })).toEqual([]);
      expect(await named({ search: `${' '.repeat(200)}zoe` })).toEqual(['Zoë']);
    });

    test('follows a name that was changed, in order and search', async () => {
      const ada = await member(app(), { name: 'Åsa' });
      await ada.ask('mutation { updateProfile(input: { name: "ÉLODIE" }) { name } }');

      const first = await list({ first: 100, orderBy: { field: 'NAME', direction: 'ASC' } });

      const names = first.nodes.map(({ name }: { name: string }) => name);
      expect(names.slice(names.indexOf('ÉLODIE') - 1, names.indexOf('ÉLODIE') + 2)).toEqual(['Bob', 'ÉLODIE', 'Eve']);
      expect([await named({ search: 'elodie' }), await named({ search: 'asa' })]).toEqual([['ÉLODIE'], []]);
      await ada.ask('mutation ($id: ID!) { deleteUser(id: $id) { id } }', { id: ada.id });
      await app().database.em.execute('delete from users where id = ?', [ada.id]);
      await app().cache.invalidate('users');
    });

    test('takes names whose letters become many when they are compared', async () => {
      const name = '\ufdfa'.repeat(100);
      const ada = await member(app(), { name });

      expect(await named({ search: '\ufdfa' })).toEqual([name]);
      await app().database.em.execute('delete from users where id = ?', [ada.id]);
      await app().cache.invalidate('users');
    });

    test('combines conditions', async () => {
      expect(await named({ role: 'ADMIN' })).toEqual(['Admin']);
      expect(await named({ email: ` ${people[3]?.email.toUpperCase()} ` })).toEqual(['Eve']);
      expect(await named({ or: [{ search: 'eve' }, { search: 'ada', role: 'MEMBER' }] })).toEqual(['Ada', 'Eve']);
      expect(
        await named({
          and: [
            { role: 'MEMBER' },
            { not: { or: [{ search: 'Bob' }, { search: '%' }, { search: '_' }, { search: '\\' }] } },
          ],
        }),
      ).toEqual(['Ada', 'Eve', 'Zoë']);
      expect(await named({ or: [] })).toEqual([]);
      expect(await named({ and: [] })).toHaveLength(people.length + 1);
      expect(await named({ not: {} })).toEqual([]);
      expect(await named({ isActive: false })).toEqual([]);
      expect(await named({ createdBefore: '2020-01-01T00:00:00Z' })).toEqual([]);
      expect(await named({ createdFrom: '2020-01-01T00:00:00Z', email: null })).toHaveLength(people.length + 1);
    });

    test('leaves closed accounts out of list, search and count, unless a state is asked for at some level', async () => {
      const [open, off, closed] = await members(app(), 3, { name: 'Stateful' });
      await root.ask('mutation ($id: ID!) { deactivateUser(id: $id) { id } }', { id: off?.id });
      await root.ask('mutation ($id: ID!) { deleteUser(id: $id) { id } }', { id: closed?.id });
      const found = async (states: object) => {
        const filter = { and: [{ search: 'Stateful' }, states] };
        const query = 'query ($filter: UserFilter) { users(filter: $filter) { totalCount nodes { id } } }';
        const { totalCount, nodes } = (await root.ask(query, { filter })).data.users;
        expect(totalCount).toBe(nodes.length);
        const names = { [String(open?.id)]: 'open', [String(off?.id)]: 'off', [String(closed?.id)]: 'closed' };
        return nodes.map(({ id }: { id: string }) => names[id]).sort();
      };

      expect(await found({})).toEqual(['off', 'open']);
      expect(await found({ isActive: false })).toEqual(['off']);
      expect(await found({ states: null })).toEqual(['off', 'open']);
      expect(await found({ states: ['ACTIVE'] })).toEqual(['open']);
      expect(await found({ states: ['DEACTIVATED'] })).toEqual(['off']);
      expect(await found({ states: ['CLOSED'] })).toEqual(['closed']);
      expect(await found({ states: ['CLOSED', 'ACTIVE', 'CLOSED'] })).toEqual(['closed', 'open']);
      expect(await found({ states: [] })).toEqual([]);
      expect(await found({ not: { states: ['CLOSED'] } })).toEqual(['off', 'open']);
      expect(await found({ not: { states: [] } })).toEqual(['closed', 'off', 'open']);
      expect(await found({ or: [{ states: ['CLOSED'] }, { email: open?.email }] })).toEqual(['closed', 'open']);
      expect(codes(await root.ask('{ users(filter: { states: [GONE] }) { totalCount } }'))).toEqual([
        'GRAPHQL_VALIDATION_FAILED',
      ]);
      await app().database.em.execute('delete from users where name = ?', ['Stateful']);
      await app().cache.invalidate('users');
    });

    test('refuses a filter that no database should see', async () => {
      const deep = Array.from({ length: 6 }).reduce<object>((filter) => ({ not: filter }), { search: 'a' });
      const wide = { or: Array.from({ length: 51 }, () => ({ search: 'a' })) };

      for (const filter of [deep, wide, { search: 'x'.repeat(101) }, { search: 'nul\0' }]) {
        expect(codes(await root.ask(USERS, { filter }))).toEqual(['BAD_USER_INPUT']);
      }
    });

    test('counts only when asked', async () => {
      await app().cache.invalidate('users');
      app().statements();
      await list({ first: 3 });
      const uncounted = app().statements();

      const { data } = await root.ask('{ users(first: 1, filter: { search: "bob" }) { totalCount } }');

      expect(data.users.totalCount).toBe(2);
      expect(uncounted.filter((statement) => /count\(/.test(statement))).toEqual([]);
    });

    test('a page of 100 users with their roles is 2 statements cold beside the 2 for the viewer, and none warm', async () => {
      await members(app(), 100, { name: 'Crowd' });
      const query =
        '{ users(first: 100, filter: { search: "Crowd" }) { nodes { id name email role { name description } } } }';
      await app().cache.invalidateAll();
      app().statements();

      const cold = await root.ask(query);
      const coldStatements = app().statements();

      expect(cold.data.users.nodes).toHaveLength(100);
      expect(
        coldStatements.filter((statement) => /from "(users|roles)" .*(order by|"r0")/.test(statement)),
      ).toHaveLength(2);
      expect(coldStatements).toHaveLength(4);
      // The database still tells of the new users for a moment, and each time the list is read anew.
      await eventually(async () => {
        app().statements();
        const warm = await root.ask(query);
        expect(warm.text).toBe(cold.text);
        expect(app().statements()).toEqual([]);
      });
    });
  },
  { bus: SILENT_BUS },
);
