// What one process dates and another one reads goes by the clock of the database: a process with a wrong clock neither
// ends what still counts, nor puts off what is due, nor removes what is to be kept.

import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { buildBench } from '../support/build.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { RESET } from '../support/email-links.js';
import { eventually } from '../support/eventually.js';
import { clockAhead } from '../support/own-clock.js';
import { codes, DELETE_USER, member, type Person, REQUEST_PASSWORD_RESET, signIn } from '../support/people.js';
import {
  type ApiProcess,
  type Env,
  type Running,
  runCommand,
  select,
  startApi,
  startConsumer,
} from '../support/processes.js';
import { sharedPostgres } from '../support/servers/postgres.js';
import { type RabbitServer, startRabbit } from '../support/servers/rabbit.js';
import { smtpError, TestSmtpServer } from '../support/smtp.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365 * DAY_MS;
const RETENTION = 'dist/src/commands/retention-run.js';

describeWithServers(['postgres', 'rabbitmq'], 'processes with wrong clocks', () => {
  let rabbit: RabbitServer;
  let smtp: TestSmtpServer;
  let url: string;
  let env: Env;
  let api: ApiProcess;
  let consumer: Running | undefined;
  let admin: Person;

  beforeAll(async () => {
    buildBench();
    const [postgres, broker, mails] = await Promise.all([sharedPostgres(), startRabbit(), TestSmtpServer.create()]);
    [rabbit, smtp] = [broker, mails];
    await smtp.listen();
    url = await postgres.createDatabase();
    env = { DATABASE_URL: url, AMQP_URL: rabbit.url, SMTP_URL: `smtp://${smtp.address}` };
    api = await startApi(env);
    admin = await signIn(api);
  });

  afterEach(async () => {
    smtp.faults = {};
    await consumer?.stop();
  });

  afterAll(async () => {
    await Promise.all([api?.kill(), consumer?.kill(), smtp?.close()]);
    await rabbit?.stop();
  });

  const startConsumerAhead = (ms: number): Running => {
    consumer = startConsumer({ ...env, ...clockAhead(ms) });
    return consumer;
  };
  /** The server takes no mail to the address, for the moment. */
  const refuse = (address: string) => {
    smtp.faults = {
      onRecipient: (to, done) => done(to === address ? smtpError(451, '4.7.1 try later') : undefined),
    };
  };
  const mailsTo = (address: string) =>
    smtp.taken.filter(({ to }) => [to].flat().some((to) => to?.text === address)).map(({ text }) => text ?? '');

  test.each([
    ['behind', -2 * HOUR_MS],
    ['ahead', 2 * HOUR_MS],
  ])('a link counts for an hour where the one who sends it is two hours %s', async (_, offsetMs) => {
    startConsumerAhead(offsetMs);
    const ada = await member(api);
    await api.ask(REQUEST_PASSWORD_RESET, { email: ada.email });

    let token = '';
    await eventually(() => {
      token = mailsTo(ada.email).flatMap((text) => /reset-password#token=([\w-]+)/.exec(text)?.[1] ?? [])[0] ?? '';
      expect(token).not.toBe('');
    });
    const [{ minutes }] = await select(
      url,
      `select max(extract(epoch from expires_at - now()) / 60)::float8 as minutes
       from mail_tokens where mail_id in (select id from mails where recipient = $1 and kind = 'reset_password')`,
      [ada.email],
    );
    expect(minutes).toBeGreaterThan(55);
    expect(minutes).toBeLessThanOrEqual(60);
    expect(codes(await api.ask(RESET, { token }))).toEqual([]);
  });

  test('a mail is not given up, nor put off for long, where the one who sends it is six days ahead', async () => {
    const consumer = startConsumerAhead(6 * DAY_MS);
    const email = `late-${Date.now()}@example.com`;
    refuse(email);
    await member(api, { email });

    expect(await consumer.logged('mail not sent; trying again')).toMatchObject({ againInSeconds: 5 });
    smtp.faults = {};

    await eventually(() => expect(mailsTo(email)).toHaveLength(1));
  });

  test('a deletion looks for its mail again soon where its worker is an hour ahead', async () => {
    const consumer = startConsumerAhead(HOUR_MS);
    const ada = await member(api);
    refuse(ada.email);

    await api.ask(DELETE_USER, { id: ada.id }, admin.token);

    await consumer.logged('user deletion received', { userId: ada.id });
    // Each look leaves the time of the next one; a lease, of 30 seconds, is none.
    const looks = new Set<string>();
    await eventually(async () => {
      const rows = await select(
        url,
        `select next_attempt_at::text as next from deletion_receipts
         where user_id = $1 and step = 'mail' and next_attempt_at < now() + interval '25 seconds'`,
        [ada.id],
      );
      for (const { next } of rows) looks.add(next);
      expect(looks.size).toBeGreaterThan(3);
    });
    smtp.faults = {};
    await consumer.logged('user purged', { userId: ada.id });
  });

  test.each([
    ['ten years ahead removes nothing that is to be kept', 10 * YEAR_MS, 1],
    ['ten years behind removes what is old', -10 * YEAR_MS, 0],
  ])('a retention run that is %s', async (_, offsetMs, left) => {
    const [{ id }] = await select(
      url,
      `insert into outbox (id, type, subject, data, occurred_at, published_at)
       select gen_random_uuid(), 'user.registered', gen_random_uuid(), '{}', at, at
       from (select now() - case when $1 then interval '1 day' else interval '60 days' end as at) as time returning id`,
      [left === 1],
    );

    const { code, output } = await runCommand(RETENTION, [], { ...env, ...clockAhead(offsetMs) });

    expect([code, output]).toEqual([0, expect.stringContaining(`outbox ${1 - left},`)]);
    expect(await select(url, 'select from outbox where id = $1', [id])).toHaveLength(left);
  });
});
