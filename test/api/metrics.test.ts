// What an operator watches is told to clients with the token alone, in the format of Prometheus.

import { expect, test } from '@jest/globals';
import { describeApi, type TestApp } from '../support/app.js';
import { WITH_BILLING } from '../support/participants.js';
import { admin, DELETE_USER, member } from '../support/people.js';
import { SILENT_BUS } from '../support/silent-bus.js';

const TOKEN = 'token of the metrics, 0123456789 abcdef';

const get = ({ url }: TestApp, authorization?: string) =>
  fetch(`${url}/metrics`, { headers: { ...(authorization !== undefined && { authorization }) } });

async function metricsOf(app: TestApp): Promise<Record<string, number>> {
  const response = await get(app, `Bearer ${TOKEN}`);
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ]);
  const lines = (await response.text()).split('\n').filter((line) => /^\w/.test(line));
  return Object.fromEntries(lines.map((line) => line.split(' ')).map(([name, value]) => [name, Number(value)]));
}

describeApi(
  'metrics',
  (app) => {
    test.each([
      ['without a token', undefined],
      ['with another token', `Bearer ${TOKEN}x`],
      ['with the beginning of the token', `Bearer ${TOKEN.slice(0, -1)}`],
      ['with the token in another scheme', `Basic ${TOKEN}`],
      ['with nothing', ''],
    ])('are not told %s', async (_, authorization) => {
      const response = await get(app(), authorization);

      expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
    });

    test('say how many events and steps wait, and since when', async () => {
      const [root, ada] = [await admin(app()), await member(app())];
      const before = await metricsOf(app());
      const { em } = app().database;

      await root.ask(DELETE_USER, { id: ada.id });
      await em.execute(
        `insert into deletion_receipts (user_id, step, status)
         select ?::uuid, step, status from (values ('mail', 'pending'), ('purge', 'pending'), ('webhook:crm', 'failed'))
           as given (step, status)`,
        [ada.id],
      );
      await em.execute('update deletions set overdue_at = now() where user_id = ?', [ada.id]);
      await em.execute(
        `update outbox set occurred_at = now() - interval '1 hour' where type = 'user.deleted' and subject = ?`,
        [ada.id],
      );
      const after = await metricsOf(app());

      const events = Number(after.gatehouse_outbox_events);
      expect(events).toBeGreaterThan(Number(before.gatehouse_outbox_events));
      expect(after).toMatchObject({
        gatehouse_database_up: 1,
        'gatehouse_deletion_steps{status="pending"}': 2,
        'gatehouse_deletion_steps{status="failed"}': 1,
        gatehouse_deletions_overdue: 1,
        process_start_time_seconds: expect.any(Number),
      });
      expect(Math.floor(Number(after.gatehouse_outbox_oldest_seconds) / 3600)).toBe(1);

      await em.execute('update outbox set published_at = now()');
      await em.execute(`update deletion_receipts set status = 'done'`);
      expect(await metricsOf(app())).toMatchObject({
        gatehouse_outbox_events: 0,
        gatehouse_outbox_oldest_seconds: 0,
        'gatehouse_deletion_steps{status="pending"}': 0,
        'gatehouse_deletion_steps{status="failed"}': 0,
        gatehouse_deletions_overdue: 0,
      });
    });
  },
  { bus: SILENT_BUS },
  { ...WITH_BILLING, METRICS_TOKEN: TOKEN },
);

describeApi('without METRICS_TOKEN', (app) => {
  test('there are no metrics', async () => {
    expect((await get(app(), `Bearer ${TOKEN}`)).status).toBe(404);
  });
});
