import { rmSync } from 'node:fs';
import { answeredInTime } from '../src/process/answered-in-time.js';
import { eventually } from '../test/support/eventually.js';
import { ADMIN, ask, DELETE_USER, LOGIN } from '../test/support/people.js';
import { type ApiProcess, type Env, type Running, select, startApi, startConsumer } from '../test/support/processes.js';
import { type PostgresServer, withPostgres } from '../test/support/servers/postgres.js';
import type { RabbitServer } from '../test/support/servers/rabbit.js';
import type { TestSmtpServer } from '../test/support/smtp.js';
import { type Alteration, alteredBuild } from './altered-build.js';
import { judgeDatabase } from './history.js';
import { bindObserver, countDeadLetters, deliveries } from './observer.js';
import { settle } from './settle.js';
import { addressOf, makeUsersIn } from './users.js';

/** The servers that a cell needs. */
export interface CellWorld {
  postgres: PostgresServer;
  rabbit: RabbitServer;
  smtp: TestSmtpServer;
}

/** One fault at one place of the way from a deletion to its last effect. */
interface Cell {
  /** The process that is killed, and the text of its build before which it is, when it is. It is started again. */
  killed?: { program: 'api' | 'consumer'; file: string; before: string; when?: string };
  /** What else happens while users are deleted. Answers what it saw go wrong. */
  around?(world: CellWorld, deleteAll: () => Promise<void>, database: string): Promise<string[] | undefined>;
  /** Whether nothing was accepted, and nothing is asked again: then nothing must have happened. */
  undone?: boolean;
  /** Whether a handler has begun more than once: it was rolled back. */
  beginsAgain?: boolean;
}

const USERS = 3;
const FOLDER = 'dist-chaos';
const DIE = `process.kill(process.pid, 'SIGKILL');`;
/** Other events are relayed too, such as that of the first admin. */
const OF_DELETION = `events.some(({ type }) => type === 'user.deleted')`;

/** Until a statement counts as many as are meant. */
const counted = (database: string, sql: string, isMeant: (count: number) => boolean) =>
  eventually(async () => {
    const [{ count }] = await select(database, sql);
    if (!isMeant(Number(count))) throw new Error(`${count} are counted by ${sql}`);
  });

export const CELLS = {
  'usual course': {},
  'same events published again': {
    async around(_, deleteAll, database) {
      await deleteAll();
      const purged = 'select count(*) from deletions where purged_at is not null';
      await counted(database, purged, (count) => count === USERS);
      await select(
        database,
        `update outbox set published_at = null, next_attempt_at = now() where type = 'user.deleted'`,
      );
    },
  },
  'database killed while events are handled': {
    async around({ postgres }, deleteAll, database) {
      await withPostgres(database, async (client) => {
        await client.query('begin');
        await client.query('lock table inbox in exclusive mode');
        await deleteAll();
        const waiting = `select count(*) from pg_stat_activity where query ~ '^insert into inbox' and wait_event_type = 'Lock'`;
        await counted(database, waiting, (count) => count > 0);
        await postgres.crash();
      });
      await postgres.resume();
    },
  },
  'API killed before the commit of the deletion': {
    killed: {
      program: 'api',
      file: 'src/account/account.service.js',
      before: 'const language =',
    },
    undone: true,
  },
  'API killed between commit and publication': {
    killed: { program: 'api', file: 'src/events/relay.js', before: 'const published = [];', when: OF_DELETION },
  },
  'API killed between publication and its mark': {
    killed: { program: 'api', file: 'src/events/relay.js', before: 'if (published.length > 0)', when: OF_DELETION },
  },
  'broker killed with publications in hand': {
    async around({ rabbit }, deleteAll, database) {
      rabbit.freeze();
      try {
        await deleteAll();
        // The relay takes the others once it has the answer to these, which does not come.
        await counted(
          database,
          `select count(*) from outbox where type = 'user.deleted' and attempts > 0`,
          (count) => count > 0,
        );
      } finally {
        await rabbit.crash();
        await rabbit.resume();
      }
    },
  },
  'consumer killed before the commit of its handler': {
    killed: { program: 'consumer', file: 'consumer/handlers/user-deleted.js', before: 'log.info({ userId' },
    beginsAgain: true,
  },
  'consumer killed between commit and acknowledgement': {
    killed: {
      program: 'consumer',
      file: 'consumer/receive-event.js',
      before: 'return events.map(() => null);',
      when: OF_DELETION,
    },
  },
  'worker killed between a step and its receipt': {
    killed: {
      program: 'consumer',
      file: 'consumer/deletion-worker.js',
      before: 'await this.#settle(userId, step, {\n                status: ReceiptStatus.DONE',
    },
  },
  'worker killed before the commit of the purge': {
    killed: { program: 'consumer', file: 'src/deletion/purge.js', before: `record({ action: 'user.purged'` },
  },
  'worker killed between the purge and its receipt': {
    killed: {
      program: 'consumer',
      file: 'consumer/steps/purge.js',
      before: `parts.log.info({ userId }, 'user purged')`,
    },
  },
  'mail server away': {
    async around({ smtp }, deleteAll, database) {
      await smtp.close();
      try {
        await deleteAll();
        // A step that waits looks again after a quarter of its age: it has waited for four seconds, and not by its lease.
        const looked = `select count(*) from deletion_receipts where step = 'mail' and (status = 'done'
          or next_attempt_at between now() + interval '1 second' and now() + interval '4 seconds')`;
        await counted(database, looked, (count) => count > 0);
        const [{ count }] = await select(database, `select count(*)::int from deletion_receipts where status = 'done'`);
        return count > 0 ? [`done without a mail: ${count}`] : [];
      } finally {
        await smtp.listen();
      }
    },
  },
} satisfies Record<string, Cell>;

/** Leases of six seconds, to wait less for what a killed process had in hand. */
const SHORT_LEASES: Alteration[] = ['src/events/relay.js', 'consumer/deletion-worker.js'].map((file) => ({
  file,
  from: 'const LEASE_SECONDS = 30;',
  to: 'const LEASE_SECONDS = 6;',
}));

export type CellName = keyof typeof CELLS;

/** Whether it ends by itself within this time; it is gone in any case. */
async function endsIn(running: Running, seconds: number): Promise<boolean> {
  const hasEnded = await answeredInTime(running.exited, seconds * 1000).then(
    () => true,
    () => false,
  );
  await running.kill();
  return hasEnded;
}

/** What went wrong: nothing, where each rule of the delivery is kept. All must be done in so many seconds. */
export async function runCell(
  world: CellWorld,
  name: CellName,
  { sabotage = [] as Alteration[], settleSeconds = 120 } = {},
): Promise<string[]> {
  const { killed, around, undone = false, beginsAgain = false }: Cell = CELLS[name];
  const { postgres, rabbit, smtp } = world;
  const database = await postgres.createDatabase();
  const env: Env = { DATABASE_URL: database, AMQP_URL: rabbit.url, SMTP_URL: `smtp://${smtp.address}` };
  const [plain, deadly] = [FOLDER, `${FOLDER}-killed`];
  const alterations = [...SHORT_LEASES, ...sabotage];
  alteredBuild(plain, alterations);
  if (killed) {
    const { file, before, when = 'true' } = killed;
    alteredBuild(deadly, [...alterations, { file, from: before, to: `if (${when}) ${DIE} ${before}` }]);
  }
  const folderOf = (program: 'api' | 'consumer') => (killed?.program === program ? deadly : plain);
  const consumers: Running[] = [];
  let api: ApiProcess | undefined;
  try {
    api = await startApi(env, `${folderOf('api')}/src/main.js`);
    consumers.push(startConsumer(env, `${folderOf('consumer')}/consumer/main.js`));
    await consumers[0]?.logged('consumer is ready');
    await bindObserver(rabbit);
    const users = await makeUsersIn(database, USERS);
    const mailsBefore = smtp.taken.length;
    const token = (await ask(api, LOGIN, { input: ADMIN })).data.login.accessToken;
    const [asked, accepted] = [new Set<string>(), new Set<string>()];
    const deleteAll = async () => {
      const deleteOne = async (id: string) => {
        asked.add(id);
        const { data } = await ask(api as ApiProcess, DELETE_USER, { id }, token);
        if (data?.deleteUser?.id === id) accepted.add(id);
      };
      // Of an API that is killed with it in hand there is no answer.
      await Promise.all(users.map((id) => deleteOne(id).catch(() => undefined)));
    };
    const seenAround = around ? await around(world, deleteAll, database) : await deleteAll();
    let isKilled = true;
    if (killed?.program === 'api') {
      isKilled = await endsIn(api, settleSeconds);
      api = await startApi(env, `${plain}/src/main.js`);
    }
    if (killed?.program === 'consumer') {
      isKilled = await endsIn(consumers[0] as Running, settleSeconds);
      consumers.push(startConsumer(env, `${plain}/consumer/main.js`));
    }
    if (undone) accepted.clear();
    else await deleteAll();
    const settledMs = await settle(database, accepted, settleSeconds);

    const seen = await deliveries(rabbit);
    const { lost, phantom, twice, disordered } = await judgeDatabase(
      database,
      users,
      undone ? new Set() : asked,
      accepted,
      seen,
    );
    const counts = Object.entries({ lost, phantom, twice, disordered });
    const problems = [
      ...(seenAround ?? []),
      ...counts.flatMap(([kind, ids]) => (ids.length > 0 ? [`${kind}: ${ids.length}`] : [])),
    ];
    const handled = consumers.flatMap((consumer) =>
      consumer.lines('user deletion received').map(({ userId }) => userId),
    );
    if (!isKilled) problems.push('not killed');
    if (!beginsAgain && new Set(handled).size < handled.length) problems.push('handled twice');
    if (!undone && accepted.size < USERS) problems.push('not accepted');
    if (settledMs >= settleSeconds * 1000) problems.push('not settled');
    const told = smtp.taken.slice(mailsBefore).flatMap(({ to }) => (to && !Array.isArray(to) ? [to.text] : []));
    const untold = [...accepted].filter((id) => !told.includes(addressOf(id)));
    if (untold.length > 0) problems.push(`without a mail: ${untold.length}`);
    const dead = await countDeadLetters(rabbit);
    if (dead > 0) problems.push(`dead letters: ${dead}`);
    return problems;
  } finally {
    await Promise.all([api, ...consumers].map((running) => running?.kill()));
    for (const folder of [plain, deadly]) rmSync(folder, { recursive: true, force: true });
  }
}
