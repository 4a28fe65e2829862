// A backup that is restored brings nobody back: people are erased while backups are taken, and each backup is restored.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Disk } from '../../chaos/disk.js';
import { addressOf, makeUsersIn } from '../../chaos/users.js';
import { deletionOf } from '../support/deletions.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/once-per-run.js';
import { ADMIN, codes, DELETE_USER, member, PASSWORD, type Person, signIn } from '../support/people.js';
import { type ApiProcess, type Env, runCommand, select, startApi } from '../support/processes.js';
import { seeded } from '../support/random.js';
import { programOf } from '../support/servers/find-server.js';
import { databaseOn, type PostgresServer, startPostgres, takeBaseBackup } from '../support/servers/postgres.js';

/** RESTORED_PEOPLE sizes a longer run. */
const ERASED = Number(process.env.RESTORED_PEOPLE ?? 60);
const SEED = Number(process.env.BACKUP_SEED ?? Date.now() % 100_000);
const BACKUPS = 12;
/** Deletions that are asked for at the same time. */
const TOGETHER = 5;

describeWithServers(['postgres'], 'a backup that is restored', () => {
  let postgres: PostgresServer;
  let folder: string;
  let database: string;
  let env: Env;
  beforeAll(async () => {
    postgres = await startPostgres();
    folder = temporaryFolder();
    database = await postgres.createDatabase();
    env = { DATABASE_URL: database, DELETION_LEDGER: join(folder, 'erased.ledger') };
  });
  afterAll(async () => {
    await postgres?.stop();
  });

  const dump = (url: string, ...args: string[]) => run('pg_dump', ['--no-owner', ...args, url]);
  const replay = (url: string) =>
    runCommand('dist/src/commands/deletions-replay.js', [], { ...env, DATABASE_URL: url });
  const readiness = async ({ url }: ApiProcess) => {
    const response = await fetch(`${url}/health/ready`);
    return [response.status, ((await response.json()) as { erasures: string }).erasures];
  };

  interface Backup {
    /** Answers where the database is now, and what ends it. */
    restore(): Promise<{ url: string; end(): Promise<void> }>;
  }

  async function takeDump(database: string): Promise<Backup> {
    const file = join(folder, `${randomBytes(6).toString('hex')}.dump`);
    await dump(database, '-Fc', '-f', file);
    return {
      async restore() {
        const url = await postgres.createDatabase();
        await run('pg_restore', ['--no-owner', '-d', url, file]);
        return { url, end: async () => undefined };
      },
    };
  }

  async function takeBase(): Promise<Backup> {
    const backup = await takeBaseBackup(postgres);
    return {
      async restore() {
        const server = await backup.start();
        return { url: databaseOn(server, database), end: () => server.stop() };
      },
    };
  }

  test(`brings none of ${ERASED} people back: the API is not ready until they are erased again (BACKUP_SEED=${SEED})`, async () => {
    const random = seeded(SEED);
    const moments = new Set<number>();
    while (moments.size < BACKUPS) moments.add(1 + Math.floor(random() * (ERASED - 1)));
    const backups: Promise<Backup>[] = [];
    let people: string[];
    {
      await using api = await startApi(env);
      people = await makeUsersIn(database, ERASED + 1);
      const admin = await signIn(api);
      const erased = people.slice(1);
      let asked = 0;
      const deleteSome = async () => {
        for (let id = erased.pop(); id; id = erased.pop()) {
          asked += 1;
          // The others go on meanwhile.
          if (moments.has(asked)) {
            const backup = backups.length % 2 ? takeBase() : takeDump(database);
            backups.push(backup);
            await backup;
          }
          expect(codes(await admin.ask(DELETE_USER, { id }))).toEqual([]);
        }
      };
      await Promise.all(Array.from({ length: TOGETHER }, deleteSome));
      await eventually(async () =>
        expect(await select(database, 'select from deletions where purged_at is not null')).toHaveLength(ERASED),
      );
    }
    const held = async (url: string) => {
      const text = await dump(url);
      return people.filter((id) => text.includes(addressOf(id)));
    };
    const [kept] = people;
    expect(await held(database)).toEqual([kept]);
    const ledger = readFileSync(env.DELETION_LEDGER as string, 'utf8');
    expect(people.filter((id) => ledger.includes(id) || ledger.includes(addressOf(id)))).toEqual([]);

    expect(backups).toHaveLength(BACKUPS);
    for (const [index, backup] of backups.entries()) {
      const { url, end } = await (await backup).restore();
      expect((await held(url)).length).toBeGreaterThan(1);
      if (index < 2) {
        await using api = await startApi({ ...env, DATABASE_URL: url });
        expect(await readiness(api)).toEqual([503, 'pending']);
        expect((await replay(url)).output).toMatch(/^Erased again: [1-9]\d*\n$/);
        expect(await readiness(api)).toEqual([200, 'done']);
        expect(await replay(url)).toEqual({ code: 0, output: 'Erased again: 0\n' });
        const verified = await runCommand('dist/src/commands/audit-verify.js', [], { ...env, DATABASE_URL: url });
        expect(verified.code).toBe(0);
      } else await replay(url);
      expect(await held(url)).toEqual([kept]);
      await end();
    }
  });

  test('whose only admin was deleted: all others are erased, and the admin when there is another', async () => {
    const source = await postgres.createDatabase();
    const settings = { ...env, DELETION_LEDGER: join(folder, 'admin.ledger') };
    const run = (url: string, name: string, args: string[] = [], input = '') =>
      runCommand(`dist/src/commands/${name}.js`, args, { ...settings, DATABASE_URL: url }, input);
    const createAdmin = (url: string) => run(url, 'admin-create', ['next@example.com'], PASSWORD);
    let backup: Backup;
    let people: Person[];
    {
      await using api = await startApi({ ...settings, DATABASE_URL: source });
      people = [await signIn(api), await member(api)];
      backup = await takeDump(source);
      await createAdmin(source);
      const next = await signIn(api, { email: 'next@example.com', password: PASSWORD });
      for (const { id } of people) expect(codes(await next.ask(DELETE_USER, { id }))).toEqual([]);
      await eventually(async () =>
        expect(await select(source, 'select from deletions where purged_at is not null')).toHaveLength(people.length),
      );
    }
    const { url } = await backup.restore();
    const held = async () => {
      const text = await dump(url);
      return people.filter(({ email }) => text.includes(email)).map(({ email }) => email);
    };

    const refused = await run(url, 'deletions-replay');
    const heldByThen = await held();
    await createAdmin(url);
    const done = await run(url, 'deletions-replay');

    expect([refused.code, refused.output]).toEqual([1, expect.stringContaining('npm run admin:create -- ADDRESS')]);
    expect(heldByThen).toEqual([ADMIN.email]);
    expect(done).toEqual({ code: 0, output: 'Erased again: 1\n' });
    expect(await held()).toEqual([]);
  });

  describe('with a ledger that was cut off', () => {
    const LINE = `${'x'.repeat(43)} 2026-12-01T00:00:00.000Z\n`;
    /** The next line crosses the end of a page of the disk. */
    const ALMOST_A_PAGE = LINE.repeat(Math.floor(4096 / LINE.length));
    const disk = Disk.mount();
    afterAll(() => disk?.unmount());

    async function start(path: string) {
      const settings = { DATABASE_URL: await postgres.createDatabase(), DELETION_LEDGER: path, DELETION_ATTEMPTS: '1' };
      const api = await startApi(settings);
      const [admin, ada] = [await signIn(api), await member(api)];
      await admin.ask(DELETE_USER, { id: ada.id });
      const purge = (fact: object) =>
        eventually(async () => expect((await deletionOf(admin, ada.id)).receipts.purge).toMatchObject(fact));
      const command = (name: string) => runCommand(`dist/src/commands/${name}.js`, [], settings);
      return { ada, purge, command, url: settings.DATABASE_URL, [Symbol.asyncDispose]: () => api.kill() };
    }
    /** As after the restore of a backup in which nobody is erased. */
    async function expectKnown({ url, command }: Awaited<ReturnType<typeof start>>) {
      await select(url, 'delete from erasures');
      expect(await command('deletions-replay')).toEqual({ code: 0, output: 'Erased again: 1\n' });
    }

    test.each([10, 43, 50, 68])('after %d characters, knows the next one', async (length) => {
      const path = join(folder, `${length}.ledger`);
      writeFileSync(path, LINE + LINE.slice(0, length));
      await using erased = await start(path);

      await erased.purge({ status: 'DONE' });

      await expectKnown(erased);
    });

    (disk ? test : test.skip)('by a full disk, has no purge without its line', async () => {
      const path = join((disk as Disk).path, 'erased.ledger');
      writeFileSync(path, ALMOST_A_PAGE);
      await (disk as Disk).fill();
      await using erased = await start(path);

      await erased.purge({ status: 'FAILED', lastError: 'ENOSPC' });
      const held = await dump(erased.url);
      (disk as Disk).makeRoom();
      await erased.command('deletions-retry');

      await erased.purge({ status: 'DONE' });
      expect(held).toContain(erased.ada.email);
      await expectKnown(erased);
    });
  });
});

/** Runs a program of PostgreSQL. Answers what it wrote. */
async function run(program: string, args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(join(dirname(programOf('postgres')), program), args, {
    maxBuffer: 100_000_000,
  });
  return stdout;
}
