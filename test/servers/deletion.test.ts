// The steps of deletions run in consumers beside a real broker, mail server and webhook: each is done, whatever is away
// meanwhile and whoever is killed.

import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { compactDecrypt } from 'jose';
import { Webhook } from 'standardwebhooks';
import { deletionOf } from '../support/deletions.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/once-per-run.js';
import { newSecret } from '../support/participants.js';
import { DELETE_USER, member, type Person, signIn } from '../support/people.js';
import {
  type ApiProcess,
  type Env,
  type Running,
  runCommand,
  select,
  startApi,
  startConsumer,
} from '../support/processes.js';
import { sharedPostgres, withPostgres } from '../support/servers/postgres.js';
import { type RabbitServer, startRabbit } from '../support/servers/rabbit.js';
import { TestSmtpServer } from '../support/smtp.js';
import { startWebhookServer, type WebhookServer } from '../support/webhook-server.js';

const SECRET = newSecret();
const KEY = randomBytes(32);
const DAY_MS = 86_400_000;
describeWithServers(['postgres', 'rabbitmq'], 'the steps of deletions', () => {
  let rabbit: RabbitServer;
  let smtp: TestSmtpServer;
  let crm: WebhookServer;
  let folder: string;
  let database: string;
  let env: Env;
  let api: ApiProcess;
  let consumers: Running[];
  let root: Person;

  beforeAll(async () => {
    const [postgres, ...others] = await Promise.all([
      sharedPostgres(),
      startRabbit(),
      TestSmtpServer.create(),
      startWebhookServer(),
    ]);
    [rabbit, smtp, crm] = others;
    folder = temporaryFolder();
    for (const [name, days] of [
      ['old.jwe', 31],
      ['old.jwe.part', 31],
      ['young.jwe', 29],
    ] as const) {
      writeFileSync(join(folder, name), 'x');
      utimesSync(join(folder, name), new Date(), new Date(Date.now() - days * DAY_MS));
    }
    database = await postgres.createDatabase();
    env = {
      DATABASE_URL: database,
      AMQP_URL: rabbit.url,
      SMTP_URL: `smtp://${smtp.address}`,
      DELETION_WEBHOOKS: JSON.stringify([{ name: 'crm', url: crm.url, secret: SECRET }]),
      DELETION_WEBHOOKS_PRIVATE: 'true',
      DELETION_ARCHIVE_DIR: folder,
      DELETION_ARCHIVE_KEY: KEY.toString('base64'),
      DELETION_ATTEMPTS: '2',
    };
    await smtp.listen();
    api = await startApi(env);
    consumers = [startConsumer(env), startConsumer(env)];
    root = await signIn(api);
    await Promise.all(consumers.map((consumer) => consumer.logged('consumer is ready')));
  });

  afterAll(async () => {
    await Promise.all([
      api?.kill(),
      ...(consumers ?? []).map((consumer) => consumer.kill()),
      smtp?.close(),
      crm?.close(),
    ]);
    await rabbit?.stop();
  });

  const done = (id: string) => eventually(async () => expect((await deletionOf(root, id)).status).toBe('DONE'));
  const archived = async (id: string) => {
    const { plaintext } = await compactDecrypt(readFileSync(join(folder, `${id}.jwe`), 'utf8'), KEY);
    return JSON.parse(new TextDecoder().decode(plaintext));
  };
  const emailOf = async (id: string) =>
    (await select(database, 'select email from users where id = $1', [id]))[0].email;

  test('each step is done once: mail, archive, webhook, and the purge after them', async () => {
    const ada = await member(api, { name: 'Ada Archived' });

    await ada.ask(DELETE_USER, { id: ada.id });
    await done(ada.id);

    const { receipts } = await deletionOf(root, ada.id);
    const once = { status: 'DONE', attempts: 1, lastError: null };
    expect(receipts).toEqual({ archive: once, mail: once, purge: once, 'webhook:crm': once });
    expect(smtp.taken.filter(({ subject }) => subject?.includes('was closed'))).toHaveLength(1);

    const [told, ...more] = crm.about(ada.id);
    expect(more).toEqual([]);
    const payload = new Webhook(SECRET).verify(told?.body ?? '', told?.headers as Record<string, string>);
    expect(payload).toMatchObject({ type: 'user.deleted', data: { userId: ada.id, deletedBy: ada.id } });

    const file = join(folder, `${ada.id}.jwe`);
    const sealed = readFileSync(file, 'utf8');
    const kept = await archived(ada.id);
    expect(kept.data.users).toEqual([expect.objectContaining({ id: ada.id, email: ada.email, name: 'Ada Archived' })]);
    expect(sealed).not.toContain(Buffer.from(ada.email).toString('base64url'));
    const files = readdirSync(folder).filter((name) => name.startsWith(ada.id));
    expect([statSync(file).mode & 0o777, files.length]).toEqual([0o600, 1]);
    expect(await emailOf(ada.id)).toMatch(/@deleted\.invalid$/);
    const log = consumers.map((consumer) => consumer.output()).join('') + api.output();
    expect(log).not.toContain(ada.email);
  });

  test('what was archived stays, though a late worker runs the step again after the purge', async () => {
    const ada = await member(api, { name: 'Ada Kept' });
    await root.ask(DELETE_USER, { id: ada.id });
    await done(ada.id);

    await select(
      database,
      `update deletion_receipts set status = 'pending', next_attempt_at = now() where user_id = $1 and step = 'archive'`,
      [ada.id],
    );
    await done(ada.id);

    expect((await archived(ada.id)).data.users).toEqual([expect.objectContaining({ name: 'Ada Kept' })]);
  });

  test('what an older version has left undone goes on: accounts that it closed, and announcements that it heard', async () => {
    const [closed, heard] = [await member(api), await member(api)];
    await select(
      database,
      `update users set deleted_at = now() - interval '2 hours', is_active = false where id = any($1)`,
      [[closed.id, heard.id]],
    );
    await select(
      database,
      `insert into deletions (user_id, requested_by, requested_at, purge_at, was_active, announced_at)
       select id, $2, deleted_at, deleted_at, true, deleted_at from users where id = $1`,
      [heard.id, root.id],
    );

    await using consumer = startConsumer(env);
    await done(closed.id);
    await done(heard.id);

    await consumer.logged('deletions of an older version go on');
    expect(consumer.lines('deletions of an older version go on')).toMatchObject([{ deletions: 2 }]);
    expect(await Promise.all([closed, heard].map(({ id }) => emailOf(id)))).toEqual(
      Array(2).fill(expect.stringMatching(/@deleted\.invalid$/)),
    );
    expect(crm.about(closed.id)).toHaveLength(1);
  });

  test('a step whose target is down is FAILED in the end; the others are done, the purge waits, and a retry ends it', async () => {
    crm.answerWith(302);
    const ada = await member(api);

    await root.ask(DELETE_USER, { id: ada.id });
    await eventually(async () => {
      const { receipts } = await deletionOf(root, ada.id);
      expect(receipts).toMatchObject({
        archive: { status: 'DONE' },
        mail: { status: 'DONE' },
        purge: { status: 'PENDING', attempts: 0 },
        'webhook:crm': { status: 'FAILED', attempts: 2, lastError: 'answered 302' },
      });
    });
    expect(await emailOf(ada.id)).toBe(ada.email);

    crm.answerWith(200);
    const others = await runCommand('dist/src/commands/deletions-retry.js', ['--step', 'mail'], env);
    const wrong = await runCommand('dist/src/commands/deletions-retry.js', ['--user', 'x'], env);
    const retried = await runCommand('dist/src/commands/deletions-retry.js', ['--user', ada.id], env);

    expect([others.code, others.output]).toEqual([0, 'Steps to be tried again: 0\n']);
    expect([wrong.code, wrong.output]).toEqual([1, expect.stringContaining('must be a UUID')]);
    expect([retried.code, retried.output]).toEqual([0, 'Steps to be tried again: 1\n']);
    await done(ada.id);
    expect(new Set(crm.about(ada.id).map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  });

  test('while the mail server is away the confirmation is PENDING, and no attempt is lost to it', async () => {
    await smtp.close();
    const ada = await member(api);

    await root.ask(DELETE_USER, { id: ada.id });
    await eventually(async () => {
      const { receipts } = await deletionOf(root, ada.id);
      expect(receipts).toMatchObject({ mail: { status: 'PENDING', attempts: 0 }, 'webhook:crm': { status: 'DONE' } });
    });
    // As after hours; what is sent does not wait for the next look.
    await select(
      database,
      "update deletion_receipts set next_attempt_at = now() + interval '10 minutes' where user_id = $1 and step = 'mail'",
      [ada.id],
    );
    await smtp.listen();

    await done(ada.id);
    expect((await deletionOf(root, ada.id)).receipts.mail).toEqual({ status: 'DONE', attempts: 1, lastError: null });
  });

  test('consumers that are killed at any moment leave no step undone, and none doubled but the one in hand', async () => {
    const people: Person[] = [];
    for (let count = 0; count < 30; count += 1) people.push(await member(api));
    let kills = 0;
    let deleting = true;
    const killing = (async () => {
      while (deleting || kills < 8) {
        const index = kills % consumers.length;
        // While another step is in hand, or when there is none any more.
        const before = crm.received.length;
        await eventually(() => expect(crm.received.length).toBeGreaterThan(before), 2_000).catch(() => undefined);
        await consumers[index]?.kill();
        consumers[index] = startConsumer(env);
        kills += 1;
        await consumers[index]?.logged('consumer is ready');
      }
    })();

    for (const { id } of people) await root.ask(DELETE_USER, { id });
    deleting = false;
    await killing;
    for (const { id } of people) await done(id);

    const told = people.map(({ id }) => crm.about(id).length);
    expect(Math.min(...told)).toBe(1);
    const purged = await select(
      database,
      `select subject_id from audit_events where action = 'user.purged' and subject_id = any($1)`,
      [people.map(({ id }) => id)],
    );
    expect(purged).toHaveLength(people.length);
    console.info(`${kills} kills, ${told.reduce((sum, times) => sum + times, 0)} calls for ${people.length} deletions`);
  });

  test('a file of the archive goes when its days are over, also where no one is deleted any more', async () => {
    await eventually(() => expect(readdirSync(folder).filter((name) => name.startsWith('old'))).toEqual([]));

    expect(readdirSync(folder)).toContain('young.jwe');
  });

  test('dead letters come back by type and time; what is no event stays', async () => {
    const replay = (...args: string[]) => runCommand('dist/src/commands/events-replay.js', args, env);
    const [letter] = await select(
      database,
      `select id, type, subject, data, occurred_at from outbox where type = 'user.registered' limit 1`,
    );
    await select(database, 'delete from inbox where id = $1', [letter.id]);
    const event = {
      specversion: '1.0',
      id: letter.id,
      source: '/gatehouse',
      type: letter.type,
      subject: letter.subject,
      time: letter.occurred_at.toISOString(),
      datacontenttype: 'application/json',
      data: letter.data,
    };
    await rabbit.withChannel(async (channel) => {
      const options = { contentType: 'application/json' };
      channel.sendToQueue('identity.consumer.dead', Buffer.from(JSON.stringify(event)), options);
      channel.sendToQueue('identity.consumer.dead', Buffer.from('no event'), options);
      await eventually(async () => expect((await channel.checkQueue('identity.consumer.dead')).messageCount).toBe(2));
    });

    const ofOther = await replay('--type', 'user.deleted');
    const early = await replay('--until', '2020-01-01T00:00:00Z');
    const wrong = await replay('--since', 'yesterday');
    const all = await replay('--type', 'user.registered', '--since', '2020-01-01T00:00:00Z');

    expect([ofOther, early].map(({ output }) => output)).toEqual(Array(2).fill('Brought back: 0, left: 2\n'));
    expect([wrong.code, wrong.output]).toEqual([1, expect.stringContaining('--since must be a time')]);
    expect([all.code, all.output]).toEqual([0, 'Brought back: 1, left: 1\n']);
    await eventually(async () =>
      expect(await select(database, 'select id from inbox where id = $1', [letter.id])).toHaveLength(1),
    );
  });

  test('a dead letter whose queue is gone stays where it lies', async () => {
    const replay = () => runCommand('dist/src/commands/events-replay.js', [], env);
    const [queue, dead] = ['identity.acknowledgements', 'identity.acknowledgements.dead'];
    const waiting = () => rabbit.withChannel(async (channel) => (await channel.checkQueue(dead)).messageCount);
    await rabbit.withChannel(async (channel) => {
      channel.sendToQueue(dead, Buffer.from('an acknowledgement'));
      await channel.deleteQueue(queue);
    });
    await eventually(async () => expect(await waiting()).toBe(1));

    const { code, output } = await replay();

    expect([code, output]).toEqual([1, expect.stringContaining('no queue takes the message')]);
    await eventually(async () => expect(await waiting()).toBe(1));
  });

  test('a step that hangs holds up no other deletion', async () => {
    const { createDatabase } = await sharedPostgres();
    const DATABASE_URL = await createDatabase();
    await using api = await startApi({ DATABASE_URL, DELETION_GRACE: 'P1D', EXECUTION_TIMEOUT_SECONDS: '300' });
    const admin = await signIn(api);
    const [ada, bob] = [await member(api), await member(api)];
    for (const { id } of [ada, bob]) await admin.ask(DELETE_USER, { id });
    const endGrace = (id: string) =>
      select(DATABASE_URL, 'update deletions set purge_at = now() where user_id = $1', [id]);

    await withPostgres(DATABASE_URL, async (client) => {
      await client.query('begin');
      await client.query('select from users where id = $1 for update', [ada.id]);
      await endGrace(ada.id);
      await eventually(async () =>
        expect(
          await select(DATABASE_URL, `select from pg_stat_activity where wait_event_type = 'Lock'`),
        ).not.toHaveLength(0),
      );
      await endGrace(bob.id);

      await eventually(async () => expect((await deletionOf(admin, bob.id)).status).toBe('DONE'));
    });

    await eventually(async () => expect((await deletionOf(admin, ada.id)).status).toBe('DONE'));
  });
});
