// Retention removes what is old enough and nothing else; rows are aged in the database, and the rest is counted.

import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { createLog } from '../../src/log.js';
import { janitorOfRecords, removeOld } from '../../src/retention/retention.js';
import { describeApi } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { admin, member } from '../support/people.js';

const NONE = { sessions: 0, outbox: 0, inbox: 0, mailTokens: 0, mails: 0, auditEvents: 0 };

describeApi('retention', (app) => {
  const insert = async (table: string, row: Record<string, unknown>) => {
    const id = randomUUID();
    const all: Record<string, unknown> = table === 'mail_tokens' ? row : { id, ...row };
    await app().database.em.execute(
      `insert into ${table} (${Object.keys(all).join(', ')}) values (${Object.keys(all)
        .map(() => '?')
        .join(', ')})`,
      Object.values(all),
    );
    return id;
  };
  const daysAgo = (days: number) => new Date(Date.now() - days * 24 * 60 * 60 * 1000).toISOString();
  const parts = () => ({
    em: app().database.em,
    audit: app().services.audit,
    auditDigests: app().auditDigests,
  });
  const run = async (retention = {}) => (await removeOld(parts(), { ...app().config.retention, ...retention })).removed;
  const left = async (table: string, ids: string[], key = 'id') => {
    const rows = await app().database.em.execute<Record<string, string>[]>(
      `select ${key} from ${table} where ${key} in (${ids.map(() => '?').join(', ')})`,
      ids,
    );
    return ids.filter((id) => rows.some((row) => row[key] === id));
  };

  const session = (userId: string, endedAt: number | null, expiresAt: number) =>
    insert('sessions', {
      user_id: userId,
      token_digest: randomUUID(),
      created_at: daysAgo(100),
      last_used_at: daysAgo(100),
      expires_at: daysAgo(expiresAt),
      ended_at: endedAt === null ? null : daysAgo(endedAt),
    });
  const event = (publishedAt: number | null) =>
    insert('outbox', {
      type: 'user.registered',
      subject: randomUUID(),
      data: '{}',
      occurred_at: daysAgo(100),
      // Waits for longer than the test runs.
      next_attempt_at: daysAgo(-1),
      published_at: publishedAt === null ? null : daysAgo(publishedAt),
    });
  const mail = (userId: string | null, orderedAt: number, times: { sent?: number; refused?: number } = {}) =>
    insert('mails', {
      user_id: userId,
      kind: 'verify_email',
      recipient: 'ada@example.com',
      language: 'en',
      ordered_at: daysAgo(orderedAt),
      sent_at: times.sent === undefined ? null : daysAgo(times.sent),
      refused_at: times.refused === undefined ? null : daysAgo(times.refused),
    });
  const token = async (mailId: string, expiresAt: number) => {
    const digest = randomUUID();
    await insert('mail_tokens', {
      digest,
      mail_id: mailId,
      expires_at: daysAgo(expiresAt),
      used_at: daysAgo(expiresAt),
    });
    return digest;
  };

  test('removes sessions that ended or expired so long ago, and leaves all others', async () => {
    const ada = await member(app());
    const gone = [await session(ada.id, 31, -10), await session(ada.id, null, 31), await session(ada.id, 31, 20)];
    const stay = [
      await session(ada.id, 29, -10),
      await session(ada.id, null, 29),
      await session(ada.id, null, -10),
      ada.sessionId,
    ];

    expect(await run()).toEqual({ ...NONE, sessions: 3 });
    expect(await left('sessions', [...gone, ...stay])).toEqual(stay);
    expect((await ada.ask('{ me { id } }')).data.me.id).toBe(ada.id);
  });

  test('removes events that were published so long ago, and never one that waits', async () => {
    const [gone, stays, waits] = [await event(31), await event(29), await event(null)];

    expect(await run()).toEqual({ ...NONE, outbox: 1 });
    expect(await left('outbox', [gone, stays, waits])).toEqual([stays, waits]);
  });

  test('knows an event as handled for as long as the outbox has it', async () => {
    const waiting = await event(null);
    await insert('inbox', { id: waiting, type: 'user.registered', handled_at: daysAgo(90) });
    const gone = await insert('inbox', { type: 'user.registered', handled_at: daysAgo(31) });
    const stays = await insert('inbox', { type: 'user.registered', handled_at: daysAgo(29) });
    const published = await event(31);
    await insert('inbox', { id: published, type: 'user.registered', handled_at: daysAgo(31) });

    expect(await run()).toEqual({ ...NONE, outbox: 1, inbox: 2 });
    expect(await left('inbox', [waiting, gone, stays, published])).toEqual([waiting, stays]);
  });

  test('removes mails with their tokens, also those of strangers, and leaves what may still be sent or opened', async () => {
    const ada = await member(app());
    const gone = [
      await mail(ada.id, 40, { sent: 31 }),
      await mail(ada.id, 31, { refused: 31 }),
      await mail(null, 31),
      await mail(ada.id, 31),
    ];
    const stay = [
      await mail(ada.id, 33, { sent: 29 }),
      await mail(ada.id, 33, { refused: 29 }),
      await mail(null, 29),
      await mail(ada.id, 4),
      await mail(ada.id, 60),
    ];
    await insert('outbox', {
      type: 'mail.requested',
      subject: stay.at(-1),
      data: '{}',
      occurred_at: daysAgo(60),
      next_attempt_at: daysAgo(-1),
    });
    const goneTokens = [await token(gone[0] as string, 31), await token(stay[4] as string, 31)];
    const stayTokens = [await token(stay[0] as string, 29), await token(stay[4] as string, 29)];

    expect(await run()).toEqual({ ...NONE, mails: 4, mailTokens: 2 });
    expect(await left('mails', [...gone, ...stay])).toEqual(stay);
    expect(await left('mail_tokens', [...goneTokens, ...stayTokens], 'digest')).toEqual(stayTokens);
  });

  test('removes more than a batch, by several at once that count each row once', async () => {
    await app().database.em.execute(
      `insert into inbox (id, type, handled_at) select gen_random_uuid(), 'user.registered', '2020-01-01' from generate_series(1, 2500)`,
    );

    const counts = await Promise.all([run(), run(), run()]);
    const later = await run();

    expect(counts.reduce((sum, { inbox }) => sum + inbox, later.inbox)).toBe(2_500);
    expect(await run()).toEqual(NONE);
  });

  test('keeps for ever where a setting is 0', async () => {
    const ada = await member(app());
    await session(ada.id, 3_000, 3_000);
    await event(3_000);

    expect(await run({ sessionsDays: 0, eventsDays: 0 })).toEqual(NONE);
    expect(await run()).toEqual({ ...NONE, sessions: 1, outbox: 1 });
  });

  test('is in the audit with its counts, and is not where nothing went', async () => {
    const root = await admin(app());
    const EVENTS =
      '{ auditEvents(filter: { action: "records.removed" }) { nodes { result actorId subjectId details } } }';
    const events = async () => (await root.ask(EVENTS)).data.auditEvents.nodes;
    await event(31);
    await run();
    const [before, latest] = [(await events()).length, (await events())[0]];

    await run();

    expect(latest).toEqual({ result: 'SUCCEEDED', actorId: null, subjectId: null, details: { ...NONE, outbox: 1 } });
    expect(await events()).toHaveLength(before);
  });

  test('is done by a janitor, who logs what went', async () => {
    const lines: string[] = [];
    const log = createLog('info', { write: (line) => void lines.push(line) });
    const janitor = janitorOfRecords(parts(), app().config.retention, log);
    await event(31);

    janitor.start(0);
    await eventually(() => expect(lines).toHaveLength(1));
    await janitor.stop();

    expect(JSON.parse(lines[0] as string)).toMatchObject({ msg: 'old records removed', ...NONE, outbox: 1 });
  });

  test('warns once where the database takes no writes, and loses nothing', async () => {
    const lines: string[] = [];
    const log = createLog('info', { write: (line) => void lines.push(line) });
    const { database, config } = app();
    const old = await event(31);
    await database.em.execute(
      `create function refuse() returns trigger as $$ begin raise 'no writes' using errcode = 'read_only_sql_transaction'; end; $$ language plpgsql`,
    );
    await database.em.execute('create trigger refuse before delete on outbox execute function refuse()');
    const janitor = janitorOfRecords(parts(), config.retention, log);

    janitor.start(0);
    await eventually(() => expect(lines).toHaveLength(1));
    await janitor.stop();
    await database.em.execute('drop function refuse cascade');

    expect(JSON.parse(lines[0] as string)).toMatchObject({
      level: 'warn',
      reason: expect.stringContaining('takes no writes'),
    });
    expect(await left('outbox', [old])).toEqual([old]);
    expect(await run()).toEqual({ ...NONE, outbox: 1 });
  });
});
