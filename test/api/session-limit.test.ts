// A user has a bounded number of open sessions, the last used ones; many are opened, also at once.

import { expect, test } from '@jest/globals';
import { describeApi } from '../support/app.js';
import { sentToken } from '../support/links.js';
import { admin, ask, codes, LOGIN, member, PASSWORD, type Person, REQUEST_PASSWORD_RESET } from '../support/people.js';

const LIMIT = 5;
const REFRESH = 'mutation ($token: String!) { refresh(input: { refreshToken: $token }) { session { id } } }';
const SESSIONS = '{ me { sessions { id current } } }';

describeApi(
  'the open sessions of an account',
  (app) => {
    const signIn = async ({ email }: Pick<Person, 'email'>) =>
      (await ask(app(), LOGIN, { input: { email, password: PASSWORD } })).data.login;
    const run = (sql: string, values: unknown[]) => app().database.em.execute(sql, values);
    const open = async ({ id }: Person): Promise<string[]> =>
      (await run('select id from sessions where user_id = ? and ended_at is null order by id', [id])).map(
        ({ id }) => id,
      );
    const ended = async ({ id }: Person) =>
      (
        await run(
          `select details from audit_events where subject_id = ? and action = 'session.ended' order by audit_events.id`,
          [id],
        )
      ).map(({ details }) => details);
    /** Rows as an older version has left them, the first the least recently used. */
    const leave = (user: Person, count: number) =>
      run(
        `insert into sessions (id, user_id, token_digest, created_at, last_used_at, expires_at)
        select gen_random_uuid(), ?, '', now() - interval '2 days', now() - interval '1 day' - n * interval '1 s', now() + interval '1 day'
        from generate_series(1, ?) as n`,
        [user.id, count],
      );

    test('are bounded: of many sign-ins the last used stay, and what ended is refused and recorded', async () => {
      const ada = await member(app());
      const first = await signIn(ada);
      await ask(app(), '{ me { id } }', {}, first.accessToken);
      await run(`update sessions set last_used_at = now() - interval '1 hour' where id = ?`, [first.session.id]);

      const others = [];
      for (let count = 0; count < LIMIT - 1; count += 1) others.push(await signIn(ada));

      const expected = [ada.sessionId, ...others.map(({ session }) => session.id)];
      expect(await open(ada)).toEqual(expected.sort());
      expect((await ask(app(), '{ me { id } }', {}, first.accessToken)).data.me).toBeNull();
      expect(codes(await ask(app(), REFRESH, { token: first.refreshToken }))).toEqual(['UNAUTHENTICATED']);
      expect(codes(await ask(app(), REFRESH, { token: ada.refreshToken }))).toEqual([]);
      expect(await ended(ada)).toEqual([{ sessionsEnded: 1, reason: 'limit', sessionId: first.session.id }]);
    });

    test('are bounded also when 45 are opened at once', async () => {
      const ada = await member(app());

      const opened = await Promise.all(Array.from({ length: 45 }, () => signIn(ada)));

      const left = await open(ada);
      expect(left).toHaveLength(LIMIT);
      expect(opened.filter(({ session }) => left.includes(session.id)).length).toBeGreaterThanOrEqual(LIMIT - 1);
      expect(await ended(ada)).toHaveLength(46 - LIMIT);
    });

    test('that have run out do not count, and end for nobody', async () => {
      const ada = await member(app());
      await leave(ada, LIMIT + 3);
      await run(`update sessions set expires_at = now() - interval '1 s' where user_id = ? and id <> ?`, [
        ada.id,
        ada.sessionId,
      ]);

      await signIn(ada);

      expect(await ended(ada)).toEqual([]);
      expect((await ada.ask(SESSIONS)).data.me.sessions).toHaveLength(2);
    });

    test('never lack the one that was just opened, and shrink from thousands at the next sign-in', async () => {
      const ada = await member(app());
      await leave(ada, 8_000);
      await run(`update sessions set last_used_at = now() + interval '1 hour' where user_id = ?`, [ada.id]);
      const listed = (await ada.ask(SESSIONS)).data.me.sessions;

      const { session, accessToken } = await signIn(ada);

      expect(listed).toHaveLength(LIMIT);
      const left = await open(ada);
      expect([left.length, left.includes(session.id)]).toEqual([LIMIT, true]);
      expect(codes(await ask(app(), SESSIONS, {}, accessToken))).toEqual([]);
      expect(await ended(ada)).toEqual([{ sessionsEnded: 8_002 - LIMIT, reason: 'limit' }]);
    });

    test('are one after a password was reset by a link', async () => {
      const ada = await member(app());
      await leave(ada, LIMIT + 3);
      await ask(app(), REQUEST_PASSWORD_RESET, { email: ada.email });
      const input = {
        token: await sentToken(app(), ada.email, 'reset-password'),
        newPassword: 'a quite different one',
      };

      await ask(app(), 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { accessToken } }', {
        input,
      });

      expect(await open(ada)).toHaveLength(1);
    });

    test('of a page of users, or under many aliases, are read together', async () => {
      const [root, ada] = [await admin(app()), await member(app())];
      await signIn(ada);
      await leave(await member(app()), LIMIT + 3);
      const aliases = Array.from({ length: 15 }, (_, index) => `a${index}:sessions{id}`);
      const readsOf = async (person: Person, query: string) => {
        app().statements();
        const { data, errors } = await person.ask(query);
        expect(errors).toEqual([]);
        const reads = app()
          .statements()
          .filter((statement) => /from "?sessions/.test(statement));
        return { data, reads };
      };

      const page = await readsOf(root, '{ users(first: 100) { nodes { id sessions { id } } } }');
      const many = await readsOf(ada, `{ me { ${aliases.join(' ')} } }`);

      const nodes: { id: string; sessions: unknown[] }[] = page.data.users.nodes;
      expect(nodes.length).toBeGreaterThan(5);
      expect(nodes.find(({ id }) => id === ada.id)?.sessions).toHaveLength(2);
      expect(Math.max(...nodes.map(({ sessions }) => sessions.length))).toBe(LIMIT);
      expect(many.data.me.a14).toHaveLength(2);
      // The two of the list, and at most one about the session of the request.
      for (const { reads } of [page, many]) expect(reads.length).toBeLessThanOrEqual(3);
    });

    test('are listed as they are between the fields of one mutation', async () => {
      const ada = await member(app());
      const other = await signIn(ada);
      const name = 'updateProfile(input: { name: "Ada" }) { sessions { id } }';

      const { data } = await ada.ask(
        `mutation ($id: ID!) { before: ${name} revokeSession(id: $id) { sessionsEnded } after: ${name} }`,
        { id: other.session.id },
      );

      expect([data.before, data.after].map(({ sessions }) => sessions.length)).toEqual([2, 1]);
    });
  },
  {},
  { SESSIONS_PER_USER: String(LIMIT) },
);
