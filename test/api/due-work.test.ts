// A look for work that is due reads what it takes, and neither what is done, nor what waits for its time, nor all that is
// due: shown by the rows that the very statements read, in tables with 100,000 that are done.

import { beforeAll, expect, test } from '@jest/globals';
import { describeApi } from '../support/app.js';
import { deletionOf } from '../support/deletions.js';
import { eventually } from '../support/eventually.js';
import { admin, DELETE_USER, member } from '../support/people.js';
import { type SentStatement, statementsOf } from '../support/record-statements.js';

const DONE = 50_000;
const WAITING = 1_000;
/** More than a look takes at once. */
const DUE = 2_000;
/** A batch, and its rows once more by their keys. */
const MOST_READ = 500;
/** Whether a deletion is overdue is seen where it and its receipts are read: of those that are open. */
const READS_OPEN = /set overdue_at/;

/** Rows of work, in each table that is looked through: `due` is when, `is_done` whether it was done. */
const fill = (count: number, due: string, isDone: boolean) => `
  with made as (select gen_random_uuid() as id, n from generate_series(1, ${count}) as n),
  closed as (
    insert into deletions (user_id, requested_by, requested_at, purge_at, was_active, announced_at, purged_at)
    select id, id, now(), ${due}, true, ${isDone ? 'now(), now()' : 'null, null'} from made
  ),
  announced as (
    insert into deletions (user_id, requested_by, requested_at, purge_at, was_active, announced_at, purged_at)
    select gen_random_uuid(), id, now(), now(), true, ${due}, ${isDone ? 'now()' : 'null'} from made returning user_id
  ),
  owed as (
    insert into deletion_receipts (user_id, step, status, next_attempt_at)
    select user_id, 'mail', '${isDone ? 'done' : 'pending'}', ${due} from announced
  )
  insert into outbox (id, type, subject, data, occurred_at, next_attempt_at, published_at)
  select id, case n % 2 when 0 then 'user.deleted' else 'mail.requested' end, id, '{}', now(), ${due}, ${isDone ? 'now()' : 'null'} from made`;

const IN_AN_HOUR = `now() + interval '1 hour'`;
const AN_HOUR_AGO = `now() - interval '1 hour'`;

interface Plan {
  'Relation Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  Plans?: Plan[];
}

const rowsRead = (plan: Plan): number => {
  const own =
    plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0) + (plan['Rows Removed by Index Recheck'] ?? 0);
  const below = (plan.Plans ?? []).map(rowsRead).reduce((sum, rows) => sum + rows, 0);
  return below + (plan['Relation Name'] ? own * plan['Actual Loops'] : 0);
};

describeApi(
  'a look for work that is due',
  (app) => {
    let looks: SentStatement[];

    beforeAll(async () => {
      const { database } = app();
      const [root, ada] = [await admin(app()), await member(app())];
      const sent = await statementsOf(database, /^update .*for update skip locked/s, async (soFar) => {
        await root.ask(DELETE_USER, { id: ada.id });
        await eventually(async () => expect((await deletionOf(root, ada.id)).status).toBe('DONE'));
        await eventually(async () => expect(soFar.map(([query]) => query).join()).toContain('overdue_at'));
      });
      looks = [...new Map(sent)];
      const { em } = database;
      await em.execute(fill(DONE, AN_HOUR_AGO, true));
      await em.execute(fill(WAITING, IN_AN_HOUR, false));
      await em.execute('analyze');
    });

    test.each([
      'update outbox set attempts',
      'update deletions set announced_at',
      'update deletions set overdue_at',
      'update deletion_receipts set next_attempt_at',
    ])('is seen: %s', (begin) => {
      expect(looks.filter(([query]) => query.startsWith(begin))).not.toEqual([]);
    });

    test.each([
      ['nothing', 0],
      ['more than it takes', DUE],
    ])('reads little where %s is due', async (_, due) => {
      const { em } = app().database;
      const read: Record<string, number> = {};
      for (const [query, params] of looks) {
        const undone = new Error('undone');
        const work = em.fork().transactional(async (em) => {
          if (due > 0) await em.execute(fill(due, AN_HOUR_AGO, false));
          // A look at every row is the last resort.
          await em.execute('set local enable_seqscan = off');
          const [row] = await em.execute(`explain (analyze, format json) ${query}`, [...params]);
          read[query] = rowsRead(row?.['QUERY PLAN'][0].Plan);
          throw undone;
        });
        await expect(work).rejects.toBe(undone);
      }
      const most = (query: string) => (READS_OPEN.test(query) ? 4 * (WAITING + due) : MOST_READ);
      expect(Object.entries(read).filter(([query, rows]) => rows > most(query))).toEqual([]);
    });
  },
  {},
  { DELETION_GRACE: 'PT1S', DELETION_DEADLINE: 'PT1S' },
);
