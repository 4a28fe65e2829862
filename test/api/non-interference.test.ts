// What is hidden from somebody changes nothing of what they can obtain (Goguen and Meseguer 1982): a value of another
// account is changed in the database, and every answer stays the same, byte by byte, with as many statements.

import { expect, test } from '@jest/globals';
import { type GraphQLInputType, getNamedType, isEnumType, isInputObjectType } from 'graphql';
import { createSchema } from '../../src/schema.js';
import { ROLE_IDS } from '../../src/user/role.entity.js';
import { describeApi } from '../support/app.js';
import { type Answer, admin, ask, freshEmail, member, PASSWORD, type Person, signIn } from '../support/people.js';
import { SILENT_BUS } from '../support/silent-bus.js';

const SCHEMA = createSchema();
const USER =
  '{ id name email displayEmail emailVerified isActive createdAt updatedAt deletedAt role { id name } sessions { id userAgent } auditTrail(first: 5) { nodes { id action } } }';

/** What is changed of the victim. */
const HIDDEN: [string, string][] = [
  ['name', `update users set name = 'Somebody Else', name_key = 'somebody else' where id = ?`],
  ['role', `update users set role_id = '${ROLE_IDS.ADMIN}' where id = ?`],
  ['whether the address is verified', 'update users set email_verified = true where id = ?'],
  ['when they joined', `update users set created_at = now() - interval '1 year' where id = ?`],
  ['when they changed', `update users set updated_at = now() + interval '1 day' where id = ?`],
  ['whether they are active', 'update users set is_active = false where id = ?'],
  ['the password', `update users set password_hash = 'another' where id = ?`],
  ['whether they have sessions', 'update sessions set ended_at = now() where user_id = ?'],
  ['the device of a session', `update sessions set user_agent = 'Another' where user_id = ?`],
];

describeApi(
  'what is hidden',
  (app) => {
    const run = (sql: string, values: unknown[]) => app().database.em.execute(sql, values);

    /** Each way to ask about others, as variables of one document each. */
    function probes(victim: Person, cursor: string): [string, Record<string, unknown>][] {
      const users = SCHEMA.getQueryType()?.getFields().users;
      const argument = (name: string) =>
        getNamedType(users?.args.find((arg) => arg.name === name)?.type as GraphQLInputType);
      const [filter, orderBy] = [argument('filter'), argument('orderBy')];
      if (!isInputObjectType(filter) || !isInputObjectType(orderBy)) throw new Error('users has a filter and an order');
      const fields = getNamedType(orderBy.getFields().field?.type as GraphQLInputType);
      if (!isEnumType(fields)) throw new Error('an order has fields');
      const values: Record<string, unknown> = {
        email: victim.email,
        search: victim.name,
        role: 'ADMIN',
        isActive: true,
        createdFrom: '2020-01-01T00:00:00Z',
        createdBefore: '2030-01-01T00:00:00Z',
      };
      const filters = Object.keys(filter.getFields()).map((name) =>
        name === 'and' || name === 'or'
          ? { [name]: [{ role: 'ADMIN' }, { isActive: true }] }
          : name === 'not'
            ? { not: { email: victim.email } }
            : { [name]: values[name] },
      );
      const list = `query ($filter: UserFilter, $orderBy: UserOrder, $after: String) {
      users(first: 5, filter: $filter, orderBy: $orderBy, after: $after) { totalCount nodes ${USER} pageInfo { hasNextPage endCursor } }
    }`;
      return [
        [`query ($id: ID!) { user(id: $id) ${USER} }`, { id: victim.id }],
        [`query ($id: ID!) { user(id: $id) ${USER} }`, { id: victim.id.toUpperCase() }],
        [`query ($id: ID!) { user(id: $id) { id } me ${USER} }`, { id: victim.id }],
        [
          'query ($id: ID!) { auditEvents(filter: { subjectId: $id }) { nodes { id action details } } }',
          { id: victim.id },
        ],
        [
          'query ($id: ID!) { auditEvents(filter: { actorId: $id }) { nodes { id } pageInfo { hasNextPage } } }',
          { id: victim.id },
        ],
        ['query ($id: ID!) { node(id: $id) { __typename id ... on User { name email } } }', { id: victim.id }],
        ['{ roles { id name } }', {}],
        ...filters.map((given): [string, Record<string, unknown>] => [list, { filter: given }]),
        ...fields
          .getValues()
          .map(({ name }): [string, Record<string, unknown>] => [list, { orderBy: { field: name, direction: 'ASC' } }]),
        [list, { after: cursor }],
        ['mutation ($id: ID!) { deleteUser(id: $id) { id } }', { id: victim.id }],
        ['mutation ($id: ID!) { setUserRole(id: $id, role: MEMBER) { id } }', { id: victim.id }],
        ['mutation ($id: ID!) { deactivateUser(id: $id) { id } }', { id: victim.id }],
        ['mutation ($id: ID!) { activateUser(id: $id) { id } }', { id: victim.id }],
        ['mutation ($id: ID!) { revokeSession(id: $id) { sessionsEnded } }', { id: victim.sessionId }],
        [
          'mutation ($email: EmailAddress!) { login(input: { email: $email, password: "not the right one" }) { accessToken } }',
          { email: victim.email },
        ],
        [
          'mutation ($email: EmailAddress!) { requestPasswordReset(email: $email) { accepted } }',
          { email: victim.email },
        ],
        [
          `mutation ($email: EmailAddress!, $password: String!) { requestEmailChange(input: { newEmail: $email, password: $password }) { accepted } }`,
          { email: victim.email, password: PASSWORD },
        ],
        [
          `mutation ($email: EmailAddress!, $password: String!) { register(input: { email: $email, password: $password, name: "Ada" }) { accessToken } }`,
          { email: victim.email, password: 'a password of somebody else' },
        ],
      ];
    }

    const shown = ({ status, headers, text }: Answer) => {
      const kept = [...headers].filter(([name]) => !['date', 'x-request-id', 'keep-alive'].includes(name));
      return JSON.stringify([status, kept, text]);
    };

    async function obtain(viewer: Person | null, victim: Person, cursor: string): Promise<string[]> {
      const answers: string[] = [];
      for (const [query, variables] of probes(victim, cursor)) {
        // The first request for anything may find less in the cache.
        if (query.startsWith('query') || query.startsWith('{')) await ask(app(), query, variables, viewer?.token);
        app().statements();
        const answer = await ask(app(), query, variables, viewer?.token);
        answers.push(
          `${query.slice(0, 60)} ${JSON.stringify(variables)}: ${shown(answer)} after ${app().statements().length} statements`,
        );
      }
      return answers;
    }

    test.each(HIDDEN)('%s changes nothing for a member or a stranger (A9)', async (_, change) => {
      const [root, eve] = [await admin(app()), await member(app())];
      const victim = await member(app(), { email: freshEmail(), name: 'Victim Of All' });
      const { data } = await root.ask('{ users(first: 1) { pageInfo { endCursor } } }');
      const cursor = data.users.pageInfo.endCursor;
      const before = [await obtain(eve, victim, cursor), await obtain(null, victim, cursor)];

      await run(change, [victim.id]);
      await app().cache.invalidateAll();
      const after = [await obtain(eve, victim, cursor), await obtain(null, victim, cursor)];

      expect(after).toEqual(before);
    });

    test('a probe that does see a value is noticed', async () => {
      const [root, victim] = [await admin(app()), await member(app())];
      const { data } = await root.ask('{ users(first: 1) { pageInfo { endCursor } } }');
      const before = await obtain(root, victim, data.users.pageInfo.endCursor);

      await run(`update users set name = 'Somebody Else' where id = ?`, [victim.id]);
      await app().cache.invalidateAll();

      expect(await obtain(root, victim, data.users.pageInfo.endCursor)).not.toEqual(before);
    });

    test('a closed account looks like one that never was, but to register, which gives its address away (A10)', async () => {
      const eve = await member(app());
      const closed = await member(app());
      await closed.ask('mutation ($id: ID!) { deleteUser(id: $id) { id } }', { id: closed.id });
      const never = { ...closed, id: crypto.randomUUID(), email: freshEmail(), sessionId: crypto.randomUUID() };
      const ways = (victim: Person) => probes(victim, 'x').filter(([query]) => !query.includes('register'));

      for (const [at, [query, variables]] of ways(closed).entries()) {
        const [other, otherVariables] = ways(never)[at] as [string, Record<string, unknown>];
        const [first, second] = [
          await ask(app(), query, variables, eve.token),
          await ask(app(), other, otherVariables, eve.token),
        ];
        expect([query, shown(first)]).toEqual([query, shown(second)]);
      }
      expect((await signIn(app(), { email: eve.email, password: PASSWORD })).id).toBe(eve.id);
    });
  },
  { bus: SILENT_BUS },
);
