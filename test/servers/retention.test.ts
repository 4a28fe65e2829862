// Each old row is removed and counted once, by command or janitor; both are run at once on PostgreSQL.

import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { databaseOptions } from '../../mikro-orm.config.js';
import { AuditDigests } from '../../src/audit/audit-digests.js';
import { openDatabase } from '../../src/database/database.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { ageAudit } from '../support/old-audit.js';
import { temporaryFolder } from '../support/once-per-run.js';
import { member } from '../support/people.js';
import { type Env, runCommand, SECRETS, select, startApi } from '../support/processes.js';
import { type SharedPostgres, sharedPostgres } from '../support/servers/postgres.js';

const RUN = 'dist/src/commands/retention-run.js';
const VERIFY = 'dist/src/commands/audit-verify.js';
const KEPT = { RETENTION_AUDIT_DAYS: '30' };

describeWithServers(['postgres'], 'npm run retention:run and the janitors of several instances', () => {
  let postgres: SharedPostgres;
  let env: Env;
  let folder: string;

  beforeAll(async () => {
    folder = temporaryFolder();
    postgres = await sharedPostgres();
    env = { DATABASE_URL: await postgres.createDatabase() };
    await using api = await startApi(env);
    for (let number = 0; number < 5; number += 1) await member(api);
  });

  const database = () => env.DATABASE_URL as string;
  const oldRows = (count: number) =>
    select(
      database(),
      `insert into outbox (id, type, subject, data, occurred_at, published_at)
       select gen_random_uuid(), 'user.registered', gen_random_uuid(), '{}', '2020-01-01', '2020-01-01' from generate_series(1, $1::int)`,
      [count],
    );
  const age = async () => {
    const { em, close } = await openDatabase({ databaseUrl: database(), dataDir: folder }, databaseOptions);
    await ageAudit(em, new AuditDigests(SECRETS.PASSWORD_PEPPER as string), 31);
    await close();
  };
  const countOf = async (table: string) =>
    (await select(database(), `select count(*)::int as count from ${table}`))[0].count as number;

  test('the command prints what went, once, and ends with 0', async () => {
    await oldRows(3);

    const [first, second] = [await runCommand(RUN, [], env), await runCommand(RUN, [], env)];

    const counts = (outbox: number) =>
      `Removed: sessions 0, outbox ${outbox}, inbox 0, mailTokens 0, mails 0, auditEvents 0`;
    expect([first.code, first.output.trim()]).toEqual([0, counts(3)]);
    expect([second.code, second.output.trim()]).toEqual([0, counts(0)]);
    expect((await runCommand(RUN, ['--all'], env)).output).toContain('Usage: npm run retention:run');
    expect((await runCommand(RUN, [], { ...env, RETENTION_MAILS_DAYS: '1' })).output).toContain('RETENTION_MAILS_DAYS');
  });

  test('two instances at once remove each row once, say so in the log, and stop in time', async () => {
    const before = await countOf('outbox');
    await oldRows(5_000);
    await using one = await startApi(env);
    await using other = await startApi(env);

    const lines = await Promise.any([one, other].map((api) => api.logged('old records removed')));
    expect(lines).toMatchObject({ mails: 0, sessions: 0 });
    const codes = await Promise.all([one.stop(), other.stop()]);
    const { output } = await runCommand(RUN, [], env);
    const counted = [one, other].flatMap((api) => api.lines('old records removed')).map(({ outbox }) => Number(outbox));

    expect(codes).toEqual([0, 0]);
    expect(counted.reduce((sum, count) => sum + count, Number(/outbox (\d+)/.exec(output)?.[1]))).toBe(5_000);
    expect(await countOf('outbox')).toBe(before);
  });

  test('npm run audit:verify starts behind what went, also with ends that were kept before', async () => {
    const heads = join(folder, 'heads.json');
    await age();
    const before = await runCommand(VERIFY, ['--heads', heads], env);
    const gone = await countOf('audit_events');

    const runs = await Promise.all([
      runCommand(RUN, [], { ...env, ...KEPT }),
      runCommand(RUN, [], { ...env, ...KEPT }),
    ]);
    const counted = runs.map(({ output }) => Number(/auditEvents (\d+)/.exec(output)?.[1]));
    const after = await runCommand(VERIFY, ['--heads', heads], env);

    expect(before.code).toBe(0);
    expect(counted.reduce((sum, count) => sum + count)).toBe(gone);
    expect([after.code, after.output.trim()]).toEqual([
      0,
      `Verified: ${await countOf('audit_events')} events in 32 chains. Retention removed ${gone} older ones.`,
    ]);
  });

  test('npm run audit:verify names what was removed otherwise, and retention:run ends with 1', async () => {
    const [chain] = await select(
      database(),
      'select id, position from audit_chains where position > removed_position limit 1',
    );
    await select(
      database(),
      `update audit_chains set removed_position = position, removed_digest = digest where id = $1`,
      [chain.id],
    );
    await select(database(), 'alter table audit_events disable trigger append_only');
    await select(database(), 'delete from audit_events where chain = $1', [chain.id]);

    const [verified, retained] = [await runCommand(VERIFY, [], env), await runCommand(RUN, [], { ...env, ...KEPT })];

    expect(verified).toMatchObject({
      code: 1,
      output: expect.stringContaining(
        `Chain ${chain.id}: event ${chain.position} is not the last that retention removed.`,
      ),
    });
    expect(retained).toMatchObject({ code: 1, output: expect.stringContaining(`Chain ${chain.id} of the audit`) });
  });
});
