// A deletion is a process: a grace period in which it can be taken back, steps with receipts, and a purge after which
// nothing personal is found.

import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { verifyAudit } from '../../src/audit/verify.js';
import { OTHER_TABLES, USER_TABLES } from '../../src/deletion/personal-data.js';
import { describeApi, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import {
  type Answer,
  admin,
  ask,
  codes,
  DELETE_USER,
  freshEmail,
  LOGIN,
  member,
  PASSWORD,
  type Person,
  REQUEST_EMAIL_CHANGE,
} from '../support/people.js';
import { SILENT_BUS } from '../support/silent-bus.js';

const DELETION = `query ($id: ID!) { userDeletion(id: $id) {
  userId status requestedAt purgeAt purgedAt receipts { step status attempts lastError finishedAt }
} }`;
const CANCEL = 'mutation ($id: ID!) { cancelUserDeletion(id: $id) { id isActive deletedAt } }';
const CONFIRMED = 'mutation ($id: ID!, $password: String) { deleteUser(id: $id, password: $password) { id } }';
const CHANGE_PASSWORD = `mutation {
  changePassword(input: { currentPassword: "${PASSWORD}", newPassword: "another ${PASSWORD}" }) { accessToken }
}`;
const EXPORT = 'mutation { exportMyData { generatedAt data } }';

const done = async (root: Person, id: string) => {
  await eventually(async () =>
    expect((await root.ask(DELETION, { id })).data.userDeletion).toMatchObject({ status: 'DONE' }),
  );
};

/** Every table in which some column of some row holds one of the texts. */
async function tablesWith({ database: { em } }: TestApp, texts: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const table of [...Object.keys(USER_TABLES), ...OTHER_TABLES]) {
    const rows = await em.execute<{ row: string }[]>(`select t::text as row from ${table} as t`);
    if (rows.some(({ row }) => texts.some((text) => row.includes(text)))) found.push(table);
  }
  return found;
}

describeApi('what is held about users', (app) => {
  test('is named column by column', async () => {
    const columns = await app().database.em.execute<{ table: string; columns: string[] }[]>(
      `select table_name as table, json_agg(column_name order by column_name) as columns from information_schema.columns
       where table_schema = 'public' group by 1 order by 1`,
    );

    expect(columns.map(({ table }) => table)).toEqual([...Object.keys(USER_TABLES), ...OTHER_TABLES].sort());
    for (const { table, columns: names } of columns) {
      const named = USER_TABLES[table]?.columns;
      if (named) expect([table, names]).toEqual([table, Object.keys(named).sort()]);
    }
  });

  test.each(Object.entries(USER_TABLES))('is found in %s without a look at all rows', async (table, { rows }) => {
    const condition = rows.replaceAll('$user', `'${randomUUID()}'`).replaceAll('$email', `'ada@example.com'`);
    const plan = await app()
      .database.em.fork()
      .transactional(async (em) => {
        // A look at every row is the last resort.
        await em.execute('set local enable_seqscan = off');
        return em.execute(`explain select * from ${table} where ${condition}`);
      });

    expect(JSON.stringify(plan)).not.toContain('Seq Scan');
    // Nor of an index, from its beginning to its end.
    expect(JSON.stringify(plan)).toContain('Index Cond');
  });

  test('is exported to them alone', async () => {
    const [ada, eve] = [await member(app(), { name: 'Ada Exported' }), await member(app())];
    await ada.ask(REQUEST_EMAIL_CHANGE, { newEmail: freshEmail() });

    const { data } = await ada.ask(EXPORT);

    const { data: tables } = data.exportMyData;
    expect(tables.users).toEqual([expect.objectContaining({ id: ada.id, email: ada.email, name: 'Ada Exported' })]);
    expect(tables.sessions).toEqual([expect.objectContaining({ id: ada.sessionId })]);
    expect(tables.mails.map(({ kind }: { kind: string }) => kind).sort()).toEqual(['change_email', 'verify_email']);
    expect(tables.audit_events.map(({ action }: { action: string }) => action)).toContain('user.registered');
    expect(tables.outbox.map(({ type }: { type: string }) => type)).toContain('user.registered');
    const text = JSON.stringify(tables);
    expect(text).not.toMatch(/\$2b\$|digest|password_hash/);
    expect(text).not.toContain(eve.id);
    expect(codes(await ask(app(), EXPORT))).toEqual(['UNAUTHENTICATED']);
  });
});

describeApi('a deletion without a grace period', (app) => {
  test('leaves nothing personal: neither in tables nor in the log', async () => {
    const root = await admin(app());
    const ada = await member(app(), { name: 'Adaline Byron-Purged' });
    const newEmail = freshEmail();
    await ada.ask(REQUEST_EMAIL_CHANGE, { newEmail });
    const unsentEmail = freshEmail();
    await ada.ask(REQUEST_EMAIL_CHANGE, { newEmail: unsentEmail });
    await eventually(async () => {
      const sql = 'update mails set sent_at = null where recipient = ? and sent_at is not null returning id';
      expect(await app().database.em.execute(sql, [unsentEmail])).toHaveLength(1);
    });
    expect(codes(await ada.ask(CHANGE_PASSWORD))).toEqual([]);
    await ask(app(), LOGIN, { input: { email: ada.email, password: 'wrong' } });
    await root.ask('mutation ($id: ID!) { deactivateUser(id: $id, reason: "a reason with Byron") { id } }', {
      id: ada.id,
    });
    await root.ask('mutation ($id: ID!) { activateUser(id: $id) { id } }', { id: ada.id });
    const [{ hash }] = await app().database.em.execute<[{ hash: string }]>(
      'select password_hash as hash from users where id = ?',
      [ada.id],
    );
    const personal = [ada.email, newEmail, unsentEmail, 'Byron', 'byron', hash];
    expect(await tablesWith(app(), personal)).toEqual(['users', 'mails', 'audit_events']);

    await root.ask(DELETE_USER, { id: ada.id });
    await done(root, ada.id);

    expect(await tablesWith(app(), personal)).toEqual([]);
    expect(personal.filter((text) => app().logged().includes(text))).toEqual([]);
    const trail = await app().database.em.execute(
      'select ip_address, details from audit_events where actor_id = ? or subject_id = ?',
      [ada.id, ada.id],
    );
    expect(trail.length).toBeGreaterThan(5);
    // An admin's address is not the subject's.
    expect(trail.filter(({ ip_address }) => ip_address !== null)).toHaveLength(3);
    const { breaks } = await verifyAudit(app().database.em, app().auditDigests);
    expect(breaks).toEqual([]);
  });

  test('has a receipt for each step, and the row of the user with its id and times', async () => {
    const [root, ada] = [await admin(app()), await member(app())];

    const { data } = await root.ask(DELETE_USER, { id: ada.id });
    await done(root, ada.id);

    const { userDeletion } = (await root.ask(DELETION, { id: ada.id })).data;
    expect(userDeletion).toEqual({
      userId: ada.id,
      status: 'DONE',
      requestedAt: data.deleteUser.deletedAt,
      purgeAt: data.deleteUser.deletedAt,
      purgedAt: expect.any(String),
      receipts: ['mail', 'purge'].map((step) => ({
        step,
        status: 'DONE',
        attempts: expect.any(Number),
        lastError: null,
        finishedAt: expect.any(String),
      })),
    });
    const user = 'query ($id: ID!) { user(id: $id) { email displayEmail name isActive deletedAt } }';
    await eventually(async () =>
      expect((await root.ask(user, { id: ada.id })).data.user).toEqual({
        email: expect.stringMatching(/^deleted-[\da-f]{32}@deleted\.invalid$/),
        displayEmail: expect.stringMatching(/^deleted-[\da-f]{32}@deleted\.invalid$/),
        name: 'Deleted user',
        isActive: false,
        deletedAt: data.deleteUser.deletedAt,
      }),
    );
  });

  test('cannot be taken back', async () => {
    const [root, ada] = [await admin(app()), await member(app())];
    await root.ask(DELETE_USER, { id: ada.id });

    expect(codes(await root.ask(CANCEL, { id: ada.id }))).toEqual(['CONFLICT']);
  });

  test('is seen by admins alone; an open account has none', async () => {
    const [root, ada] = [await admin(app()), await member(app())];

    expect((await root.ask(DELETION, { id: ada.id })).data).toEqual({ userDeletion: null });
    expect(codes(await root.ask(DELETION, { id: 'nonsense' }))).toEqual(['BAD_USER_INPUT']);
    expect(codes(await ada.ask(DELETION, { id: ada.id }))).toEqual(['FORBIDDEN']);
    expect(codes(await ada.ask(CANCEL, { id: ada.id }))).toEqual(['FORBIDDEN']);
  });

  test('an event that was redacted and one that was altered are told apart', async () => {
    const { em } = app().database;
    const [root, ada] = [await admin(app()), await member(app())];
    await root.ask(DELETE_USER, { id: ada.id });
    await done(root, ada.id);
    await em.execute('alter table audit_events disable trigger append_only');

    await em.execute(`update audit_events set action = 'login.failed' where id = (
      select id from audit_events where actor_id = '${ada.id}' and redaction_mac is not null limit 1)`);
    const { breaks } = await verifyAudit(em, app().auditDigests);

    expect(breaks).toHaveLength(1);
    await em.execute('alter table audit_events enable trigger append_only');
    await expect(em.execute('update audit_events set ip_address = null')).rejects.toThrow('only ever added');
  });
});

describeApi(
  'a deletion with a grace period',
  (app) => {
    const types = async (id: string) =>
      (
        await app().database.em.execute<{ type: string }[]>(
          `select type from outbox where subject = ? and type <> 'user.registered' order by id`,
          [id],
        )
      ).map(({ type }) => type);
    const login = (email: string) => ask(app(), LOGIN, { input: { email, password: PASSWORD } });
    const endGrace = (id: string) =>
      app().database.em.execute('update deletions set purge_at = now() where user_id = ?', [id]);

    test('can be taken back, and the account is as it was', async () => {
      const [root, ada] = [await admin(app()), await member(app())];

      const { data } = await root.ask(DELETE_USER, { id: ada.id });
      const closed = await login(ada.email);
      const { userDeletion } = (await root.ask(DELETION, { id: ada.id })).data;
      const restored = await root.ask(CANCEL, { id: ada.id });

      expect(codes(closed)).toEqual(['INVALID_CREDENTIALS']);
      const purgeMs = Date.parse(userDeletion.purgeAt) - Date.parse(data.deleteUser.deletedAt);
      expect([userDeletion.status, purgeMs, userDeletion.receipts]).toEqual(['SCHEDULED', 24 * 60 * 60 * 1000, []]);
      expect(restored.data.cancelUserDeletion).toEqual({ id: ada.id, isActive: true, deletedAt: null });
      expect(codes(await login(ada.email))).toEqual([]);
      expect(codes(await ada.ask('{ roles { id } }'))).toEqual(['UNAUTHENTICATED']);
      expect((await root.ask(DELETION, { id: ada.id })).data.userDeletion).toBeNull();
      expect(codes(await root.ask(CANCEL, { id: ada.id }))).toEqual([]);
      expect(await types(ada.id)).toEqual(['user.deletion_scheduled', 'user.restored']);
    });

    test('that is taken back leaves an account switched off that was', async () => {
      const [root, ada] = [await admin(app()), await member(app())];
      await root.ask('mutation ($id: ID!) { deactivateUser(id: $id) { id } }', { id: ada.id });
      await root.ask(DELETE_USER, { id: ada.id });

      const restored = await root.ask(CANCEL, { id: ada.id });

      expect(restored.data.cancelUserDeletion).toMatchObject({ isActive: false, deletedAt: null });
    });

    test('cannot be taken back when the address has another account', async () => {
      const [root, ada] = [await admin(app()), await member(app())];
      await root.ask(DELETE_USER, { id: ada.id });
      await member(app(), { email: ada.email });

      expect(codes(await root.ask(CANCEL, { id: ada.id }))).toEqual(['CONFLICT']);
      expect((await root.ask(DELETION, { id: ada.id })).data.userDeletion.status).toBe('SCHEDULED');
    });

    test('is announced and purged when it is over, and can be taken back no more', async () => {
      const [root, ada] = [await admin(app()), await member(app())];
      const { data } = await ada.ask(DELETE_USER, { id: ada.id });

      await endGrace(ada.id);
      await done(root, ada.id);

      expect(await types(ada.id)).toEqual(['user.deletion_scheduled', 'user.deleted']);
      const [event] = await app().database.em.execute(
        `select data from outbox where subject = ? and type = 'user.deleted'`,
        [ada.id],
      );
      expect(event?.data).toEqual({ userId: ada.id, deletedBy: ada.id, deletedAt: data.deleteUser.deletedAt });
      expect(codes(await root.ask(CANCEL, { id: ada.id }))).toEqual(['CONFLICT']);
    });

    test('of many who take it back at the moment of its end, each is either restored or purged', async () => {
      const root = await admin(app());
      const people = await Promise.all(Array.from({ length: 8 }, () => member(app())));
      for (const { id } of people) await root.ask(DELETE_USER, { id });

      await Promise.all(people.flatMap(({ id }) => [endGrace(id), root.ask(CANCEL, { id })]));

      await eventually(async () => {
        for (const { id } of people) {
          const { user, userDeletion } = (
            await root.ask(
              'query ($id: ID!) { user(id: $id) { isActive deletedAt } userDeletion(id: $id) { status } }',
              {
                id,
              },
            )
          ).data;
          if (userDeletion) expect([userDeletion.status, user.isActive]).toEqual(['DONE', false]);
          else expect(user).toEqual({ isActive: true, deletedAt: null });
          expect((await types(id)).filter((type) => type === 'user.deleted' || type === 'user.restored')).toHaveLength(
            1,
          );
        }
      });
    });
  },
  {},
  { DELETION_GRACE: 'P1D' },
);

describeApi(
  'who deletes their own account',
  (app) => {
    const age = (ada: Person) =>
      app().database.em.execute(`update sessions set created_at = now() - interval '5 minutes' where id = ?`, [
        ada.sessionId,
      ]);
    const failures = async (id: string) =>
      (
        await app().database.em.execute(
          `select id from audit_events where subject_id = ? and action = 'user_deletion.failed'`,
          [id],
        )
      ).length;

    test('confirms it with the password, or has just signed in', async () => {
      const ada = await member(app());
      await age(ada);

      const asked = (password?: string | null) => ada.ask(CONFIRMED, { id: ada.id, password });
      expect(codes(await asked())).toEqual(['REAUTHENTICATION_REQUIRED']);
      expect(codes(await asked(null))).toEqual(['REAUTHENTICATION_REQUIRED']);
      expect(codes(await asked(''))).toEqual(['INVALID_CREDENTIALS']);
      expect(codes(await asked('wrong'))).toEqual(['INVALID_CREDENTIALS']);
      expect(codes(await asked('\ud800'))).toEqual(['BAD_USER_INPUT']);
      expect(await failures(ada.id)).toBe(2);
      expect(codes(await asked(PASSWORD))).toEqual([]);
    });

    test('tries one password in a request', async () => {
      const ada = await member(app());
      await age(ada);
      const guess = (at: number, password: string) =>
        `a${at}: deleteUser(id: "${ada.id}", password: "${password}") { id }`;

      const same = await ada.ask(`mutation { ${guess(0, 'wrong')} ${guess(1, 'wrong')} }`);
      const other = await ada.ask(`mutation { ${guess(0, 'wrong')} ${guess(1, PASSWORD)} }`);

      expect([same, other].map((answer: Answer) => codes(answer))).toEqual([
        ['INVALID_CREDENTIALS'],
        ['INVALID_CREDENTIALS'],
      ]);
      expect(await failures(ada.id)).toBe(2);
      expect(codes(await ada.ask('{ me { id } }'))).toEqual([]);
    });

    test('does not, where an admin deletes somebody else', async () => {
      const [root, ada] = [await admin(app()), await member(app())];
      await age(root);

      expect(codes(await root.ask(CONFIRMED, { id: ada.id }))).toEqual([]);
    });
  },
  { bus: SILENT_BUS },
);
