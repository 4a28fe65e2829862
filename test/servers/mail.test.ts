// A mail is sent once and delays nothing else; a real SMTP server refuses, hangs and drops connections.

import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { ConfirmChannel } from 'amqplib';
import { Client } from 'pg';
import { databaseOptions } from '../../mikro-orm.config.js';
import { type Database, IN_MEMORY, openDatabase } from '../../src/database/database.js';
import { type Mail, MailKind } from '../../src/mail/mail.entity.js';
import { Language } from '../../src/request/language.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { lockWaits } from '../support/locks.js';
import { orderMail } from '../support/mails.js';
import { DELETE_USER, member, type Person, signIn } from '../support/people.js';
import { type ApiProcess, type Env, type Running, select, startApi, startConsumer } from '../support/processes.js';
import { type SharedPostgres, sharedPostgres } from '../support/servers/postgres.js';
import { type RabbitServer, startRabbit } from '../support/servers/rabbit.js';
import { smtpError, TestSmtpServer } from '../support/smtp.js';

describeWithServers(['postgres', 'rabbitmq'], 'mail over SMTP', () => {
  let postgres: SharedPostgres;
  let rabbit: RabbitServer;
  let smtp: TestSmtpServer;
  let url: string;
  let env: Env;
  let database: Database;
  let api: ApiProcess;
  let consumer: Running;
  let ada: Person;

  beforeAll(async () => {
    [postgres, rabbit, smtp] = await Promise.all([sharedPostgres(), startRabbit(), TestSmtpServer.create()]);
    url = await postgres.createDatabase();
    env = { DATABASE_URL: url, AMQP_URL: rabbit.url, SMTP_URL: `smtp://${smtp.address}` };
    await smtp.listen();
    api = await startApi(env);
    consumer = startConsumer(env);
    database = await openDatabase({ databaseUrl: url, dataDir: IN_MEMORY }, databaseOptions);
    ada = await member(api);
    await consumer.logged('consumer is ready');
  });

  afterEach(async () => {
    smtp.faults = {};
    expect(await waiting('identity.mail.dead')).toBe(0);
  });

  afterAll(async () => {
    await Promise.all([api?.kill(), consumer?.kill(), smtp?.close(), database?.close()]);
    await rabbit?.stop();
  });

  const order = (kind = MailKind.RESET_PASSWORD, options: { language?: Language; to?: string } = {}) =>
    orderMail(database.em, ada, kind, options);
  const row = async ({ id }: Mail) =>
    (await select(url, 'select sent_at as "sentAt", refused_at as "refusedAt" from mails where id = $1', [id]))[0];
  const marked = (mail: Mail) => eventually(async () => expect((await row(mail)).sentAt).not.toBeNull());
  const received = ({ id }: Mail) => smtp.taken.filter(({ messageId }) => messageId === `<${id}@gatehouse.test>`);
  /** As a relay does that dies before it marks what it has published. */
  const repeatEventOf = ({ id }: Mail) =>
    select(url, 'update outbox set published_at = null, next_attempt_at = now() where subject = $1', [id]);
  /** The server answers nobody, and says so every second. */
  const keepWaiting = () => {
    const talks: NodeJS.Timeout[] = [];
    smtp.faults = { onRecipient: (_, __, say) => void talks.push(setInterval(() => say('250-wait\r\n'), 1_000)) };
    return {
      count: () => talks.length,
      end() {
        smtp.faults = {};
        for (const talk of talks) clearInterval(talk);
      },
    };
  };
  const waiting = (queue: string) =>
    rabbit.withChannel(async (channel) => (await channel.checkQueue(queue)).messageCount);
  const tokenIn = (text = '') => /#token=([\w-]{43})/.exec(text)?.[1] ?? '';

  test('a mail is sent once, as text and HTML, in its language', async () => {
    const mails = [
      await order(MailKind.RESET_PASSWORD, { language: Language.ENGLISH }),
      await order(MailKind.RESET_PASSWORD, { language: Language.KOREAN }),
    ];

    for (const mail of mails) await marked(mail);

    const [english, korean] = mails.map((mail) => {
      const [first, ...others] = received(mail);
      expect(others).toEqual([]);
      return first;
    });
    expect(english?.subject).toBe('Choose a new password for gatehouse.test');
    expect(korean?.subject).toBe('gatehouse.test 비밀번호를 새로 설정해 주세요');
    expect(english?.text).toContain('Hello Ada Lovelace,');
    expect(korean?.text).toContain('Ada Lovelace 님, 안녕하세요.');
    for (const mail of [english, korean]) {
      expect(mail?.from?.text).toBe('"Gatehouse" <no-reply@gatehouse.test>');
      expect(mail?.headers.get('auto-submitted')).toBe('auto-generated');
      expect(mail?.html).toContain(`http://gatehouse.test/account/reset-password#token=${tokenIn(mail?.text)}`);
    }
  });

  test('where mail goes to a server there is no mailbox, and the welcome says so', async () => {
    const pages = await Promise.all(['mail', 'mail.json'].map((name) => fetch(`${api.url}/dev/${name}`)));

    expect(pages.map(({ status }) => status)).toEqual([404, 404]);
    await eventually(() => expect(api.output()).toContain(`Mail             SMTP at ${smtp.address}\n`));
  });

  test('what was sent is not sent again when its event comes again', async () => {
    const mail = await order();
    await marked(mail);

    await repeatEventOf(mail);

    await consumer.logged('mail of no concern', { mailId: mail.id });
    expect(received(mail)).toHaveLength(1);
  });

  test('while the mail server is not there mail waits, and everything else goes on', async () => {
    await smtp.close();
    const mails = await Promise.all(Array.from({ length: 12 }, () => order()));
    for (const { id } of mails) await consumer.logged('mail not sent; trying again', { mailId: id });

    const admin = await signIn(api);
    const user = await member(api);
    await api.ask(DELETE_USER, { id: user.id }, admin.token);
    await consumer.logged('user deletion received', { userId: user.id });
    for (const mail of mails) expect((await row(mail)).sentAt).toBeNull();
    await smtp.listen();

    for (const mail of mails) await marked(mail);
    for (const mail of mails) expect(received(mail)).toHaveLength(1);
    for (const { id } of mails)
      expect(consumer.lines('mail not sent; trying again', { mailId: id }).length).toBeLessThan(12);
  });

  test('a mail that has waited for long is sent soon after the mail server is back', async () => {
    await smtp.close();
    const mails = await Promise.all(Array.from({ length: 12 }, () => order()));
    for (const { id } of mails)
      await select(
        url,
        "update outbox set published_at = null, next_attempt_at = now(), occurred_at = now() - interval '1 hour' where subject = $1",
        [id],
      );
    const ofAnHour = ({ id }: Mail) =>
      consumer.lines('mail not sent; trying again', { mailId: id }).map(({ againInSeconds }) => againInSeconds);
    // Of each the first attempt, and the one for its older event.
    await eventually(() => expect(mails.every((mail) => ofAnHour(mail).length > 1)).toBe(true));
    await smtp.listen();

    for (const mail of mails) await marked(mail);
    expect([...new Set(mails.flatMap(ofAnHour))]).toEqual([5]);
  });

  test('while the mail server accepts connections and says nothing, a deletion goes through at once', async () => {
    await smtp.close();
    smtp.faults = { onConnect: () => undefined };
    await smtp.listen();
    const before = smtp.connections;
    const mails = await Promise.all(Array.from({ length: 6 }, () => order()));
    await eventually(() => expect(smtp.connections).toBeGreaterThan(before));

    const user = await member(api);
    await api.ask(DELETE_USER, { id: user.id }, user.token);
    await consumer.logged('user deletion received', { userId: user.id });
    const unsent = await Promise.all(mails.map(row));
    for (const { id } of mails) await consumer.logged('mail not sent; trying again', { mailId: id });
    smtp.faults = {};

    expect(unsent).toEqual(mails.map(() => ({ sentAt: null, refusedAt: null })));
    for (const mail of mails) await marked(mail);
    for (const mail of mails) expect(received(mail)).toHaveLength(1);
  });

  test('a mail server that says a word now and then has 20 seconds for a mail', async () => {
    const keptWaiting = keepWaiting();
    const mail = await order();

    await consumer.logged('mail not sent; trying again', { mailId: mail.id });
    keptWaiting.end();

    const { orderedAt } = mail;
    const [line] = consumer.lines('mail not sent; trying again', { mailId: mail.id });
    expect(Date.parse(String(line?.time)) - orderedAt.getTime()).toBeGreaterThan(15_000);
    expect(line?.err).toMatchObject({ message: 'mail server EABORT' });
    await marked(mail);
    expect(received(mail)).toHaveLength(1);
  });

  test('where the API itself sends, a mail server that hangs holds up no event, and gets each mail once', async () => {
    const own = await postgres.createDatabase();
    await using embedded = await startApi({
      DATABASE_URL: own,
      SMTP_URL: `smtp://${smtp.address}`,
      LOG_LEVEL: 'debug',
    });
    const there = await openDatabase({ databaseUrl: own, dataDir: IN_MEMORY }, databaseOptions);
    const eve = await member(embedded);
    const keptWaiting = keepWaiting();
    const mails = await Promise.all(Array.from({ length: 8 }, () => orderMail(there.em, eve, MailKind.RESET_PASSWORD)));
    await eventually(() => expect(keptWaiting.count()).toBeGreaterThan(0));

    const users = await Promise.all(Array.from({ length: 3 }, () => member(embedded)));
    for (const { id } of users) await embedded.logged('user registration received', { userId: id });
    const failed = embedded.lines('event not published; trying again');
    keptWaiting.end();

    expect(failed).toEqual([]);
    for (const { id } of mails) await embedded.logged('mail sent', { mailId: id });
    for (const mail of mails) expect(received(mail)).toHaveLength(1);
    await there.close();
  });

  test('a connection that drops in the middle of a message is tried again, and no half of it counts', async () => {
    let drops = 0;
    smtp.faults = { drops: () => drops++ < 2 };

    const mail = await order();

    await marked(mail);
    expect(drops).toBeGreaterThanOrEqual(3);
    expect(received(mail)).toHaveLength(1);
  });

  test.each([
    ['recipient', { onRecipient: 'busy' }],
    ['message', { onMessage: 'busy' }],
  ])('a 4xx for the %s is for now: it is taken later', async (_, where) => {
    let refusals = 0;
    const busy = (done: (error?: Error) => void) =>
      done(refusals++ === 0 ? smtpError(451, '4.7.1 try later') : undefined);
    smtp.faults =
      'onRecipient' in where ? { onRecipient: (_, done) => busy(done) } : { onMessage: (_, done) => busy(done) };

    const mail = await order();

    const line = await consumer.logged('mail not sent; trying again', { mailId: mail.id });
    await marked(mail);
    expect(line.err).toMatchObject({
      type: 'MailFailure',
      message: expect.stringMatching(/^mail server E\w+ .* 451$/),
    });
    expect(received(mail)).toHaveLength(1);
  });

  test('a recipient that is refused for good is given up, without its address in the log', async () => {
    let refusals = 0;
    smtp.faults = {
      onRecipient: (address, done) => {
        refusals++;
        done(smtpError(550, `5.1.1 <${address}> is unknown here`));
      },
    };

    const mail = await order(MailKind.EMAIL_CHANGED, { to: 'gone@example.com' });

    await consumer.logged('mail refused; it is not tried again', { mailId: mail.id });
    await eventually(async () => expect(await row(mail)).toEqual({ sentAt: null, refusedAt: expect.any(Date) }));
    await repeatEventOf(mail);
    await consumer.logged('mail of no concern', { mailId: mail.id });
    expect(refusals).toBe(1);
    expect(consumer.output()).not.toContain('gone@example.com');
  });

  test('a message that is refused for good behind DATA is given up at once', async () => {
    let refusals = 0;
    smtp.faults = {
      onMessage: (_, done) => {
        refusals++;
        done(smtpError(554, '5.6.0 transaction failed'));
      },
    };

    const mail = await order();

    const line = await consumer.logged('mail refused; it is not tried again', { mailId: mail.id });
    await eventually(async () => expect(await row(mail)).toEqual({ sentAt: null, refusedAt: expect.any(Date) }));
    expect(line).toMatchObject({ reason: 'mail server EMESSAGE DATA 554', enhancedCode: '5.6.0' });
    expect(refusals).toBe(1);
  });

  test('a 5xx about the sender is no refusal of the recipient: the mail waits until it is put right', async () => {
    let refusals = 0;
    smtp.faults = {
      onRecipient: (_, done) => done(refusals++ === 0 ? smtpError(554, '5.7.1 relay access denied') : undefined),
    };

    const mail = await order();

    await consumer.logged(
      'the mail server refuses mail from here: check its policy for this host and MAIL_FROM (relaying, SPF, DKIM)',
      { mailId: mail.id },
    );
    await marked(mail);
    expect(refusals).toBe(2);
  });

  test('a consumer that is killed with a mail in hand loses none', async () => {
    let inHand = 0;
    smtp.faults = { onRecipient: () => void inHand++ };
    const mails = await Promise.all(Array.from({ length: 3 }, () => order()));
    await eventually(() => expect(inHand).toBe(3));

    await consumer.kill();
    smtp.faults = {};
    consumer = startConsumer(env);

    for (const mail of mails) await marked(mail);
    for (const mail of mails) expect(received(mail)).toHaveLength(1);
  });

  test('a consumer that is killed before it marks what was taken sends it again, and each token counts', async () => {
    const holder = new Client({ connectionString: url });
    await holder.connect();
    // The mark waits for this row; the token, made before, did not.
    const lock = (messageId = '') =>
      holder
        .query('begin')
        .then(() =>
          holder.query('select 1 from mails where id = $1 for no key update', [/<(.*)@/.exec(messageId)?.[1]]),
        );
    smtp.faults = { onMessage: ({ messageId }, done) => void lock(messageId).then(() => done()) };
    const mail = await order();
    await eventually(async () => expect(await lockWaits(url)).toBe(1));

    await consumer.kill();
    smtp.faults = {};
    // The statement of a client that is gone would still be done.
    await select(
      url,
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    await holder.query('rollback');
    await holder.end();
    consumer = startConsumer(env);

    await marked(mail);
    const digests = received(mail).map(({ text }) => createHash('sha256').update(tokenIn(text)).digest('base64url'));
    const kept = await select(url, 'select digest from mail_tokens where mail_id = $1 and used_at is null', [mail.id]);
    expect(digests).toHaveLength(2);
    expect(kept.map(({ digest }) => digest).sort()).toEqual(digests.sort());
  });

  test('on SIGTERM a consumer gives back what the mail server does not take, and ends with 0', async () => {
    let inHand = 0;
    smtp.faults = { onRecipient: () => void inHand++ };
    const mail = await order();
    await eventually(() => expect(inHand).toBe(1));

    const code = await consumer.stop();
    smtp.faults = {};
    consumer = startConsumer(env);

    await marked(mail);
    expect(code).toBe(0);
    expect(received(mail)).toHaveLength(1);
  });

  test('in production without SMTP_URL mail waits in its queue, and events go on', async () => {
    await consumer.stop();
    const { SMTP_URL: _, ...without } = env;
    const production = { NODE_ENV: 'production', BCRYPT_COST: '' };
    consumer = startConsumer({ ...without, ...production, SMTP_URL: '' });
    await consumer.logged('there is no SMTP_URL: mail waits in the queue until there is');
    await consumer.logged('consumer is ready');

    const mail = await order();
    const user = await member(api);
    await consumer.logged('user registration received', { userId: user.id });
    // With the one that the registration has ordered.
    await eventually(async () => expect(await waiting('identity.mail')).toBe(2));
    await consumer.stop();
    consumer = startConsumer({ ...env, ...production });

    await marked(mail);
    expect(received(mail)).toHaveLength(1);
  });

  test('a message that is no event of ours becomes a dead letter, and the next mail flows', async () => {
    await rabbit.withChannel(async (channel) => {
      for (const body of ['not JSON', '{}']) channel.publish('identity.events', 'mail.requested', Buffer.from(body));
      await (channel as ConfirmChannel).waitForConfirms();
    });
    const mail = await order();

    await marked(mail);
    await eventually(async () => expect(await waiting('identity.mail.dead')).toBe(2));
    await rabbit.withChannel((channel) => channel.purgeQueue('identity.mail.dead'));
  });

  test.each(['smtp', 'smtps'])(
    '%s:// to a certificate that nobody vouches for gets no mail and no password',
    async (scheme) => {
      const logins: string[] = [];
      const strange = await TestSmtpServer.create({
        secure: scheme === 'smtps',
        logger: false,
        onAuth: ({ username = '' }, _, done) => {
          logins.push(username);
          done(null, { user: username });
        },
      });
      await strange.listen();
      await consumer.stop();
      consumer = startConsumer({ ...env, SMTP_URL: `${scheme}://ada:secret@${strange.address}` });

      const mail = await order();
      await consumer.logged('mail not sent; trying again', { mailId: mail.id });
      const loginsBefore = [...logins];
      await consumer.stop();
      const trusting = `${scheme}://ada:secret@${strange.address}?tls.rejectUnauthorized=false`;
      consumer = startConsumer({ ...env, SMTP_URL: trusting });

      await marked(mail);
      expect(loginsBefore).toEqual([]);
      expect(new Set(logins)).toEqual(new Set(['ada']));
      expect(strange.taken.map(({ messageId }) => messageId)).toContain(`<${mail.id}@gatehouse.test>`);
      await strange.close();
    },
  );

  test('a password is not given to a server without TLS', async () => {
    const logins: string[] = [];
    const plain = await TestSmtpServer.create({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: ({ username = '' }, _, done) => {
        logins.push(username);
        done(null, { user: username });
      },
    });
    await plain.listen();
    await consumer.stop();
    consumer = startConsumer({ ...env, SMTP_URL: `smtp://ada:secret@${plain.address}` });

    const mail = await order();
    const line = await consumer.logged('mail not sent; trying again', { mailId: mail.id });
    await consumer.stop();
    consumer = startConsumer(env);

    await marked(mail);
    expect(line.err).toMatchObject({ message: expect.stringContaining('ETLS') });
    expect(logins).toEqual([]);
    expect(consumer.output()).not.toContain('secret');
    await plain.close();
  });
});
