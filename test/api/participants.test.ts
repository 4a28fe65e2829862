// Services outside Gatehouse acknowledge erasures with what only they can sign; the deletion is done when they have.

import { expect, test } from '@jest/globals';
import { describeApi } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { acknowledgementOf, announcementOf, newSecret, WITH_BILLING } from '../support/participants.js';
import { admin, ask, codes, DELETE_USER, member, type Person } from '../support/people.js';

const ACKNOWLEDGE = `mutation ($acknowledgement: String!) {
  acknowledgeErasure(acknowledgement: $acknowledgement) { userId participant acknowledgedAt } }`;
const DELETION = `query ($id: ID!) { userDeletion(id: $id) {
  status purgedAt receipts { step status finishedAt } } }`;

const deletionOf = async (root: Person, id: string) => (await root.ask(DELETION, { id })).data.userDeletion;

describeApi(
  'participants',
  (app) => {
    const acknowledge = (acknowledgement: string) => ask(app(), ACKNOWLEDGE, { acknowledgement });
    const purged = async (root: Person) => {
      const ada = await member(app());
      await root.ask(DELETE_USER, { id: ada.id });
      await eventually(async () => expect((await deletionOf(root, ada.id)).purgedAt).not.toBeNull());
      return ada;
    };

    test('are not waited for by the purge, and the deletion is done when they have acknowledged it', async () => {
      const root = await admin(app());
      const ada = await purged(root);
      const before = await deletionOf(root, ada.id);

      const first = await acknowledge(acknowledgementOf(ada.id));
      const again = await acknowledge(acknowledgementOf(ada.id));

      expect(before.status).toBe('PURGING');
      expect(before.receipts).toContainEqual({ step: 'participant:billing', status: 'PENDING', finishedAt: null });
      expect(first.data.acknowledgeErasure).toEqual({
        userId: ada.id,
        participant: 'billing',
        acknowledgedAt: expect.any(String),
      });
      expect(again.data).toEqual(first.data);
      await eventually(async () => {
        const after = await deletionOf(root, ada.id);
        expect(after.status).toBe('DONE');
        expect(after.receipts).toContainEqual({
          step: 'participant:billing',
          status: 'DONE',
          finishedAt: first.data.acknowledgeErasure.acknowledgedAt,
        });
      });
    });

    test('may acknowledge before the steps have begun, and after theirs has failed', async () => {
      const [root, ada, bob] = [await admin(app()), await member(app()), await purged(await admin(app()))];
      const { em } = app().database;
      await em.execute(announcementOf(ada.id));
      await em.execute(
        `update deletion_receipts set status = 'failed', last_error = 'answered 500'
         where user_id = ? and step = 'participant:billing'`,
        [bob.id],
      );

      const early = await acknowledge(acknowledgementOf(ada.id));
      const late = await acknowledge(acknowledgementOf(bob.id));

      expect([early, late].map(codes)).toEqual([[], []]);
      expect((await deletionOf(root, ada.id)).receipts).toMatchObject([{ status: 'DONE' }]);
      expect((await deletionOf(root, bob.id)).status).toBe('DONE');
    });

    test('are believed for nothing but what they have signed', async () => {
      const root = await admin(app());
      const ada = await purged(root);
      const open = await member(app());
      const good = acknowledgementOf(ada.id);
      const [header, payload, signature] = good.split('.');
      const none = Buffer.from('{"alg":"none","typ":"erasure+jwt"}').toString('base64url');

      const refused = {
        'another secret': acknowledgementOf(ada.id, { secret: newSecret() }),
        'another name': acknowledgementOf(ada.id, { name: 'crm' }),
        'a name of every object': acknowledgementOf(ada.id, { name: 'constructor' }),
        'another type': acknowledgementOf(ada.id, { typ: 'at+jwt' }),
        'another algorithm': acknowledgementOf(ada.id, { algorithm: 'HS512' }),
        'a user that is none': acknowledgementOf('ada'),
        'one that has run out': acknowledgementOf(ada.id, { expiresIn: -1 }),
        'no signature': `${header}.${payload}.`,
        'no algorithm': `${none}.${payload}.`,
        'a signature of another': `${header}.${acknowledgementOf(open.id).split('.')[1]}.${signature}`,
        'an access token': ada.token,
        'no token': 'x',
        nothing: '',
        'very much': 'x'.repeat(2_500),
      };
      for (const [what, acknowledgement] of Object.entries(refused)) {
        expect([what, codes(await acknowledge(acknowledgement))]).toEqual([what, ['INVALID_TOKEN']]);
      }
      expect(codes(await acknowledge(acknowledgementOf(open.id)))).toEqual(['CONFLICT']);
      expect(codes(await acknowledge(acknowledgementOf('01900000-0000-7000-8000-000000000000')))).toEqual(['CONFLICT']);
      expect((await deletionOf(root, ada.id)).status).toBe('PURGING');
    });

    test('have a deadline, after which the deletion is announced as overdue, once', async () => {
      const root = await admin(app());
      const [late, early] = [await purged(root), await purged(root)];
      await acknowledge(acknowledgementOf(early.id));
      const { em } = app().database;
      const overdue = (id: string) =>
        em.execute(`select data from outbox where type = 'user.deletion_overdue' and subject = ?`, [id]);

      await em.execute(`update deletions set announced_at = announced_at - interval '8 days' where user_id in (?, ?)`, [
        late.id,
        early.id,
      ]);
      await eventually(async () => expect(await overdue(late.id)).toHaveLength(1));
      const third = await purged(root);
      await em.execute(`update deletions set announced_at = now() - interval '8 days' where user_id = ?`, [third.id]);
      await eventually(async () => expect(await overdue(third.id)).toHaveLength(1));

      expect(await overdue(late.id)).toEqual([{ data: { userId: late.id, announcedAt: expect.any(String) } }]);
      expect(await overdue(early.id)).toEqual([]);
      const lines = app()
        .logged()
        .split('\n')
        .filter((line) => line.includes('deletion is overdue') && line.includes(late.id))
        .map((line) => JSON.parse(line));
      expect(lines).toEqual([expect.objectContaining({ userId: late.id, steps: ['participant:billing'] })]);
    });
  },
  {},
  { ...WITH_BILLING, DELETION_DEADLINE: 'PT20S' },
);
