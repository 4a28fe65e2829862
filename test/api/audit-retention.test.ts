// Retention removes only old events, and what is left of each chain still verifies; rows are aged, forged and removed
// in the database.

import { expect, test } from '@jest/globals';
import { AuditDigests } from '../../src/audit/audit-digests.js';
import { verifyAudit } from '../../src/audit/verify.js';
import { removeOld } from '../../src/retention/retention.js';
import { describeApi } from '../support/app.js';
import { ageAudit } from '../support/old-audit.js';
import { member, members } from '../support/people.js';

const AUDIT_DAYS = 365;

describeApi('retention of the audit', (app) => {
  const em = () => app().database.em;
  const parts = () => ({
    em: app().database.em,
    audit: app().services.audit,
    auditDigests: app().auditDigests,
  });
  const digests = () => app().auditDigests;
  const verify = (known = {}) => verifyAudit(em(), digests(), Object.values(known));
  const run = (auditDays = AUDIT_DAYS) => removeOld(parts(), { ...app().config.retention, auditDays });
  const one = async (sql: string, values: unknown[] = []) => {
    const [row] = await em().execute(sql, values);
    if (!row) throw new Error('there is no such row');
    return row;
  };
  const count = async () => (await one('select count(*)::int as count from audit_events')).count as number;
  /** As somebody does who owns the tables. */
  const alter = async (sql: string, values: unknown[] = []) => {
    await em().execute('alter table audit_events disable trigger append_only');
    await em().execute(sql, values);
    await em().execute('alter table audit_events enable trigger append_only');
  };
  /** Old events and newer ones behind them, in every chain that has any. */
  const oldAndNew = async () => {
    await members(app(), 40);
    await ageAudit(em(), digests(), AUDIT_DAYS + 1);
    const old = await count();
    await members(app(), 60);
    return { old, young: (await count()) - old };
  };
  /** A chain of which some events are gone and at least two are left. */
  const someChain = async () => {
    const chain = await one(
      'select id, position, removed_position as removed from audit_chains where removed_position > 1 and position > removed_position + 1 order by random() limit 1',
    );
    return chain as { id: number; position: number; removed: number };
  };
  const forged = (id: number, set: string) => em().execute(`update audit_chains set ${set} where id = ?`, [id]);
  /** What a verification says while a row is another, which is put back. */
  const whileChainIs = async (id: number, set: string) => {
    const row = await one('select * from audit_chains where id = ?', [id]);
    await forged(id, set);
    const { breaks } = await verify();
    await em().execute(
      'update audit_chains set removed_position = ?, removed_digest = ?, removed_mac = ?, position = ?, digest = ? where id = ?',
      [row.removed_position, row.removed_digest, row.removed_mac, row.position, row.digest, id],
    );
    return breaks;
  };

  test('removes none unless it is told to', async () => {
    const { old, young } = await oldAndNew();

    expect((await run(0)).removed.auditEvents).toBe(0);
    expect(await count()).toBe(old + young);
  });

  test('removes the oldest of each chain, records how many, and what is left verifies', async () => {
    const before = await verify();
    const total = await count();

    const { removed, brokenChains } = await run();

    const after = await verify(before.heads);
    expect(brokenChains).toEqual([]);
    expect(removed.auditEvents).toBeGreaterThanOrEqual(80);
    expect(after).toMatchObject({ breaks: [], removed: removed.auditEvents, events: total - removed.auditEvents + 1 });
    const latest = await one('select action, details from audit_events order by id desc limit 1');
    expect(latest).toMatchObject({ action: 'records.removed', details: { auditEvents: removed.auditEvents } });
    const oldest = await one('select min(at) as at from audit_events');
    expect(new Date(oldest.at).getTime()).toBeGreaterThan(Date.now() - AUDIT_DAYS * 24 * 60 * 60 * 1000);
  });

  test('goes on from where it was, by several at once, who count each event once', async () => {
    const { removed: gone } = await verify();
    await ageAudit(em(), digests(), AUDIT_DAYS + 1);
    await members(app(), 60);
    const before = await count();

    const runs = await Promise.all([run(), run(), Promise.all([member(app()), member(app())])]);

    const counted = runs[0].removed.auditEvents + runs[1].removed.auditEvents;
    const { breaks, removed, events } = await verify();
    expect(breaks).toEqual([]);
    expect(removed).toBe(gone + counted);
    const recordedSince = 4 + [runs[0], runs[1]].filter(({ removed }) => removed.auditEvents > 0).length;
    expect(events).toBe(before - counted + recordedSince);
  });

  test('compares with ends that were kept before: those in front of what is left say nothing, all others must match', async () => {
    const { id, removed } = await someChain();
    const { heads } = await verify();
    const anchor = await one('select removed_digest as digest from audit_chains where id = ?', [id]);
    const head = heads.find(({ chain }) => chain === id) as (typeof heads)[number];
    const breaksFor = async (position: number, digest: string) =>
      (await verify([{ chain: id, position, digest }])).breaks;

    expect(await breaksFor(removed - 1, 'no longer known')).toEqual([]);
    expect(await breaksFor(removed, anchor.digest)).toEqual([]);
    expect(await breaksFor(head.position, head.digest)).toEqual([]);
    expect(await breaksFor(removed, 'another')).toMatchObject([{ chain: id, position: removed }]);
    expect(await breaksFor(head.position, 'another')).toMatchObject([{ chain: id, position: head.position }]);
    expect(await breaksFor(head.position + 1, 'cut off')).toMatchObject([{ chain: id, what: 'is missing' }]);
  });

  test.each([
    ['moved to an event that is there', 'removed_position = removed_position + 1'],
    ['moved with the digest of that event', 'removed_position = removed_position + 1, removed_digest = digest'],
    ['moved back', 'removed_position = removed_position - 1'],
    ['given another digest', `removed_digest = 'x'`],
    ['given another MAC', `removed_mac = 'x'`],
    ['left without its MAC', `removed_mac = ''`],
    ['set to nothing but a digest', `removed_position = 0, removed_mac = ''`],
  ])('is not to be forged: the last event that went, %s, is named', async (_, set) => {
    const { id } = await someChain();

    expect(await whileChainIs(id, set)).toEqual([
      { chain: id, position: expect.any(Number), what: 'is not the last that retention removed' },
    ]);
    expect((await verify()).breaks).toEqual([]);
  });

  test('is not to be taken from another chain, nor to be denied', async () => {
    const { id } = await someChain();
    const theirs = `removed_position = (select removed_position from audit_chains where removed_position > 0 and id <> ${id} limit 1),
      removed_digest = (select removed_digest from audit_chains where removed_position > 0 and id <> ${id} limit 1),
      removed_mac = (select removed_mac from audit_chains where removed_position > 0 and id <> ${id} limit 1)`;

    expect(await whileChainIs(id, theirs)).toMatchObject([{ chain: id, what: expect.stringContaining('is not') }]);
    expect(await whileChainIs(id, `removed_position = 0, removed_digest = '', removed_mac = ''`)).toEqual([
      { chain: id, position: 1, what: 'is missing' },
    ]);
  });

  test.each([
    ['one more than was removed', 1, true],
    // Behind one that is not old, where retention does not look.
    ['one from the middle', 2, false],
  ])('hides nothing that somebody else removes: %s', async (_, ahead, isToldByRetention) => {
    await members(app(), 90);
    const { id, removed } = await someChain();
    const position = removed + ahead;
    const row = await one('select * from audit_events where chain = ? and position = ?', [id, position]);
    await alter('delete from audit_events where chain = ? and position = ?', [id, position]);

    const [{ breaks }, { brokenChains }, again] = [await verify(), await run(), await verify()];

    await alter('insert into audit_events select * from jsonb_populate_record(null::audit_events, ?::jsonb)', [
      JSON.stringify(row),
    ]);
    expect(breaks).toEqual([{ chain: id, position, what: 'is missing' }]);
    expect(brokenChains).toEqual(isToldByRetention ? [id] : []);
    expect(again.breaks).toEqual(breaks);
    expect((await verify()).breaks).toEqual([]);
  });

  test('removes no event whose time somebody has set back', async () => {
    const { id, removed } = await someChain();
    const set = async (days: number) =>
      alter(`update audit_events set at = at - ? * interval '1 day' where chain = ? and position = ?`, [
        days,
        id,
        removed + 1,
      ]);
    await set(1_000);

    const { removed: went, brokenChains } = await run();
    const { breaks } = await verify();

    await set(-1_000);
    expect([went.auditEvents, brokenChains]).toEqual([0, [id]]);
    expect(breaks).toEqual([{ chain: id, position: removed + 1, what: expect.stringContaining('was altered') }]);
    expect((await verify()).breaks).toEqual([]);
  });

  test('removes nothing with another key', async () => {
    const before = await count();
    const another = { ...parts(), auditDigests: new AuditDigests('another secret') };

    const { removed, brokenChains } = await removeOld(another, { ...app().config.retention, auditDays: 1 });

    expect([removed.auditEvents, await count()]).toEqual([0, before]);
    expect(brokenChains.length).toBeGreaterThan(0);
  });

  test.each([
    ['delete from audit_events', `select set_config('gatehouse.audit_retention', 'on', true)`],
    [`update audit_events set action = 'user.deleted'`, `select set_config('gatehouse.audit_retention', 'on', true)`],
    ['delete from audit_events', 'update audit_chains set removed_position = position'],
  ])('is not done by mistake: "%s" after "%s"', async (statement, first) => {
    const trying = em()
      .fork()
      .transactional(async (em) => {
        await em.execute(first);
        await em.execute(statement);
      });

    await expect(trying).rejects.toThrow('audit events are only ever added');
    expect((await verify()).breaks).toEqual([]);
  });
});
