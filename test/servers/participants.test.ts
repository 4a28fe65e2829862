// Services outside Gatehouse take part in erasures, each with the code of its page: Python by RabbitMQ, Node.js by
// RabbitMQ and by a webhook. Whatever is sent twice or forged has no effect.

import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Pool, type PoolClient } from 'pg';
import { Webhook } from 'standardwebhooks';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/once-per-run.js';
import { acknowledgementOf, announcementOf, newSecret } from '../support/participants.js';
import { DELETE_USER, member, type Person, signIn } from '../support/people.js';
import {
  type ApiProcess,
  type Env,
  type Running,
  runCommand,
  select,
  startApi,
  startConsumer,
  startProcess,
} from '../support/processes.js';
import { freePort } from '../support/servers/free-port.js';
import { sharedPostgres } from '../support/servers/postgres.js';
import { type RabbitServer, startRabbit } from '../support/servers/rabbit.js';

const PACKAGE = 'packages/participant';
const [PYTHON] = blocksOf('docs/participants.md', 'python');
const [LISTENER, WEBHOOK] = blocksOf(`${PACKAGE}/README.md`, 'js');
const DEAD = 'identity.acknowledgements.dead';
const OTHERS = 'where datname = current_database() and pid <> pg_backend_pid()';
const DELETION = 'query ($id: ID!) { userDeletion(id: $id) { status receipts { step status lastError } } }';

function blocksOf(path: string, language: string): string[] {
  const blocks = readFileSync(path, 'utf8').matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'));
  return [...blocks].map(([, code = '']) => code);
}

describeWithServers(['postgres', 'rabbitmq', 'pika'], 'participants', () => {
  const secrets = { billing: newSecret(), shop: newSecret(), crm: newSecret() };
  const scripts = `${PACKAGE}/dist/examples`;
  const folder = temporaryFolder();
  const sqlite = join(folder, 'billing.sqlite');
  /** Waits where the service has its file locked. */
  const openBilling = () => new DatabaseSync(sqlite, { timeout: 60_000 });
  const started: Running[] = [];
  const database: Record<'gatehouse' | 'shop' | 'crm', string> = { gatehouse: '', shop: '', crm: '' };
  let rabbit: RabbitServer;
  let api: ApiProcess;
  let root: Person;
  let crmUrl: string;
  let shop: Running;

  /** The code of a page, under the name of another participant. */
  function start(name: keyof typeof secrets, code: string | undefined, env: Env): Running {
    const isPython = code === PYTHON;
    const path = resolve(scripts, `${name}.${isPython ? 'py' : 'mjs'}`);
    writeFileSync(path, (code ?? '').replace("name: 'billing'", `name: '${name}'`));
    const all = { GATEHOUSE_SECRET: secrets[name], AMQP_URL: rabbit.url, ...env };
    const running = startProcess(path, all, isPython ? { program: '/usr/bin/python3' } : {});
    started.push(running);
    return running;
  }
  const startBilling = () => start('billing', PYTHON, { DATABASE: sqlite });

  beforeAll(async () => {
    execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', `${PACKAGE}/tsconfig.json`]);
    mkdirSync(scripts, { recursive: true });
    const [postgres, port, broker] = await Promise.all([sharedPostgres(), freePort(), startRabbit()]);
    rabbit = broker;
    crmUrl = `http://127.0.0.1:${port}/`;
    for (const name of ['gatehouse', 'shop', 'crm'] as const) database[name] = await postgres.createDatabase();
    for (const name of ['shop', 'crm'] as const) await select(database[name], 'create table invoices (user_id text)');
    openBilling().exec('create table invoices (user_id text)');
    const env = {
      DATABASE_URL: database.gatehouse,
      AMQP_URL: rabbit.url,
      DELETION_PARTICIPANTS: JSON.stringify([
        { name: 'billing', secret: secrets.billing },
        { name: 'shop', secret: secrets.shop },
        { name: 'crm', secret: secrets.crm, url: crmUrl },
      ]),
      DELETION_WEBHOOKS_PRIVATE: 'true',
      DELETION_ATTEMPTS: '30',
    };
    api = await startApi(env);
    started.push(api, startConsumer(env));
    root = await signIn(api);
    await eventually(() =>
      rabbit.withChannel(async (channel) => void (await channel.checkExchange('identity.acknowledgements'))),
    );
    shop = start('shop', LISTENER, { DATABASE_URL: database.shop });
    start('crm', WEBHOOK, { DATABASE_URL: database.crm, PORT: `${port}` });
  });

  afterAll(async () => {
    await Promise.all(started.map((running) => running.kill()));
    await rabbit?.stop();
    rmSync(scripts, { recursive: true, force: true });
  });

  /** How many invoices each service has of a user. */
  const invoicesOf = async (id: string) => ({
    billing: openBilling().prepare('select count(*) as n from invoices where user_id = ?').get(id)?.n,
    shop: Number((await select(database.shop, 'select count(*) as n from invoices where user_id = $1', [id]))[0].n),
    crm: Number((await select(database.crm, 'select count(*) as n from invoices where user_id = $1', [id]))[0].n),
  });
  async function withInvoices(): Promise<Person> {
    const ada = await member(api);
    openBilling().prepare('insert into invoices values (?)').run(ada.id);
    for (const name of ['shop', 'crm'] as const)
      await select(database[name], 'insert into invoices values ($1)', [ada.id]);
    return ada;
  }
  async function deletionOf(id: string): Promise<{ status: string; steps: Record<string, string> }> {
    const { status, receipts } = (await root.ask(DELETION, { id })).data.userDeletion;
    const steps = receipts.map(({ step, status }: { step: string; status: string }) => [step, status]);
    return { status, steps: Object.fromEntries(steps) };
  }
  /** A service consumes last: what it is to hear comes into its queue by then. */
  const listens = (name: string) =>
    eventually(() =>
      rabbit.withChannel(async (channel) => expect((await channel.checkQueue(name)).consumerCount).toBeGreaterThan(0)),
    );

  test('erase, each in its way, and the deletion shows who has not until all have', async () => {
    const billing = startBilling();
    await Promise.all([listens('billing.erasures'), listens('shop.erasures')]);
    await billing.kill();
    const ada = await withInvoices();

    await root.ask(DELETE_USER, { id: ada.id });
    await eventually(async () => {
      expect(await deletionOf(ada.id)).toMatchObject({
        status: 'PURGING',
        steps: { 'participant:billing': 'PENDING', 'participant:shop': 'DONE', 'participant:crm': 'DONE' },
      });
    });
    expect(await invoicesOf(ada.id)).toEqual({ billing: 1, shop: 0, crm: 0 });

    startBilling();
    await eventually(async () => {
      expect(await deletionOf(ada.id)).toMatchObject({ steps: { 'participant:billing': 'DONE' } });
    });
    expect(await invoicesOf(ada.id)).toEqual({ billing: 0, shop: 0, crm: 0 });
  });

  test('erase once where the message comes again', async () => {
    const ada = await withInvoices();
    await root.ask(DELETE_USER, { id: ada.id });
    await eventually(async () => expect((await invoicesOf(ada.id)).shop).toBe(0));
    await eventually(async () => expect((await invoicesOf(ada.id)).crm).toBe(0));
    for (const name of ['shop', 'crm'] as const)
      await select(database[name], 'insert into invoices values ($1)', [ada.id]);

    const [event] = await select(
      database.gatehouse,
      `select json_build_object('type', type, 'data', data) as event from outbox where subject = $1 and type = 'user.deleted'`,
      [ada.id],
    );
    const bob = await withInvoices();
    const content = Buffer.from(JSON.stringify(event.event));
    await rabbit.withChannel(async (channel) => void channel.sendToQueue('shop.erasures', content));
    const id = 'deletion_again';
    const body = JSON.stringify(event.event);
    const headers = {
      'webhook-id': id,
      'webhook-timestamp': `${Math.floor(Date.now() / 1000)}`,
      'webhook-signature': new Webhook(secrets.crm).sign(id, new Date(), body),
    };
    const told = await fetch(crmUrl, { method: 'POST', headers, body });
    await root.ask(DELETE_USER, { id: bob.id });
    await eventually(async () => expect((await invoicesOf(bob.id)).shop).toBe(0));

    expect(told.status).toBe(200);
    expect(await invoicesOf(ada.id)).toMatchObject({ shop: 1, crm: 1 });
  });

  test('hear nothing from strangers: a webhook without their signature is refused', async () => {
    const ada = await withInvoices();
    const body = JSON.stringify({ type: 'user.deleted', data: { userId: ada.id } });
    const post = (secret: string, at: Date, signed = body) =>
      fetch(crmUrl, {
        method: 'POST',
        body,
        headers: {
          'webhook-id': 'x',
          'webhook-timestamp': `${Math.floor(at.getTime() / 1000)}`,
          'webhook-signature': new Webhook(secret).sign('x', at, signed),
        },
      });
    const longAgo = new Date(Date.now() - 6 * 60_000);

    const answers = [
      await fetch(crmUrl, { method: 'POST', body }),
      await post(secrets.shop, new Date()),
      await post(secrets.crm, longAgo),
      await post(secrets.crm, new Date(), `${body} `),
    ];

    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    expect((await invoicesOf(ada.id)).crm).toBe(1);
  });

  test('live on where a request ends before its body, and where all connections to their database are lost', async () => {
    await listens('shop.erasures');
    const { hostname, port } = new URL(crmUrl);
    const stranger = connect(Number(port), hostname);
    stranger.write('POST / HTTP/1.1\r\nhost: crm\r\ncontent-length: 100\r\n\r\nhalf');
    await fetch(crmUrl, { method: 'POST', body: 'none' });
    stranger.destroy();
    for (const name of ['shop', 'crm'] as const)
      await select(database[name], `select pg_terminate_backend(pid) from pg_stat_activity ${OTHERS}`);
    const ada = await withInvoices();

    await root.ask(DELETE_USER, { id: ada.id });

    await eventually(async () => expect(await invoicesOf(ada.id)).toMatchObject({ shop: 0, crm: 0 }));
  });

  test('acknowledge again what no queue has taken', async () => {
    const queue = 'identity.acknowledgements';
    await listens('shop.erasures');
    await rabbit.withChannel((channel) => channel.unbindQueue(queue, queue, '#'));
    const ada = await withInvoices();

    await root.ask(DELETE_USER, { id: ada.id });
    await eventually(() => expect(shop.output()).toContain('no queue takes the acknowledgement'));
    const before = (await deletionOf(ada.id)).steps['participant:shop'];
    await rabbit.withChannel((channel) => channel.bindQueue(queue, queue, '#'));

    await eventually(async () => expect((await deletionOf(ada.id)).steps['participant:shop']).toBe('DONE'));
    expect(before).toBe('PENDING');
  });

  test('of Node.js lose nothing where the connection is lost in the middle of the work', async () => {
    const { postgresInbox } = await import(pathToFileURL(resolve(PACKAGE, 'dist/index.js')).href);
    const pool = new Pool({ connectionString: database.shop });
    const inbox = postgresInbox(pool);
    const userId = randomUUID();
    let isLost = false;
    const work = async (client: PoolClient) => {
      await client.query('insert into invoices values ($1)', [userId]);
      if (isLost) return;
      isLost = true;
      const { rows } = await client.query('select pg_backend_pid() as pid');
      const ended = once(client, 'end');
      await select(database.shop, 'select pg_terminate_backend($1)', [rows[0].pid]);
      await ended;
    };

    await expect(inbox(userId, work)).rejects.toThrow();
    await inbox(userId, work);
    await inbox(userId, work);

    expect((await invoicesOf(userId)).shop).toBe(1);
    await pool.end();
  });

  test('a message that is no acknowledgement becomes a dead letter, and the next one flows', async () => {
    const [ada, open] = [await member(api), await member(api)];
    await select(database.gatehouse, announcementOf(ada.id));
    const bad = [
      'no token',
      acknowledgementOf(ada.id, { name: 'shop', secret: secrets.crm }),
      acknowledgementOf(open.id, { name: 'shop', secret: secrets.shop }),
    ];

    await rabbit.withChannel(async (channel) => {
      for (const text of [...bad, acknowledgementOf(ada.id, { name: 'shop', secret: secrets.shop })])
        channel.publish('identity.acknowledgements', '', Buffer.from(text));
      await eventually(async () => expect((await channel.checkQueue(DEAD)).messageCount).toBe(bad.length));
    });

    await eventually(async () => expect((await deletionOf(ada.id)).steps).toEqual({ 'participant:shop': 'DONE' }));
    const env = { AMQP_URL: rabbit.url };
    const ofType = await runCommand('dist/src/commands/events-replay.js', ['--type', 'user.deleted'], env);
    const all = await runCommand('dist/src/commands/events-replay.js', [], env);
    expect([ofType.output, all.output]).toEqual(['Brought back: 0, left: 3\n', 'Brought back: 3, left: 0\n']);
  });

  test('consume again where the broker has closed the channel', async () => {
    const exchange = 'identity.acknowledgements';
    await listens('shop.erasures');
    await rabbit.withChannel((channel) => channel.deleteExchange(exchange));
    const ada = await withInvoices();

    await root.ask(DELETE_USER, { id: ada.id });
    await eventually(() => expect(shop.output()).toContain('NOT_FOUND - no exchange'));
    await rabbit.withChannel(async (channel) => {
      await channel.assertExchange(exchange, 'fanout');
      await channel.bindQueue(exchange, exchange, '#');
    });

    await eventually(async () => expect((await deletionOf(ada.id)).steps['participant:shop']).toBe('DONE'));
  });

  test('consume again where the broker has cancelled the consumer, or end with an error', async () => {
    const billing = startBilling();
    await Promise.all([listens('billing.erasures'), listens('shop.erasures')]);
    for (const queue of ['billing.erasures', 'shop.erasures'])
      await rabbit.withChannel((channel) => channel.deleteQueue(queue));
    await listens('shop.erasures');
    const ada = await withInvoices();

    await root.ask(DELETE_USER, { id: ada.id });

    await eventually(async () => expect((await deletionOf(ada.id)).steps['participant:shop']).toBe('DONE'));
    expect(shop.output()).toContain('RabbitMQ has cancelled the consumer');
    expect((await billing.exited).code).toBe(1);
  });
});
