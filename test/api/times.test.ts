// Times are taken and given as RFC 3339 says; times of every form are sent.

import { beforeAll, describe, expect, test } from '@jest/globals';
import { describeApi } from '../support/app.js';
import { admin, codes, type Person } from '../support/people.js';

const RULE = 'must be a time as in RFC 3339, of the years 0001 to 9999 in UTC';

describeApi('times', (app) => {
  let viewer: Person;
  beforeAll(async () => {
    viewer = await admin(app());
  });

  describe.each([
    ['createdFrom of users', 'query ($t: DateTime) { users(filter: { createdFrom: $t }) { totalCount } }'],
    ['createdBefore of users', 'query ($t: DateTime) { users(filter: { createdBefore: $t }) { totalCount } }'],
    ['from of events', 'query ($t: DateTime) { auditEvents(filter: { from: $t }) { nodes { id } } }'],
    ['before of events', 'query ($t: DateTime) { auditEvents(filter: { before: $t }) { nodes { id } } }'],
  ])('%s', (_, query) => {
    test.each([
      '0001-01-01T00:00:00Z',
      '0001-01-01T05:00:00+05:00',
      '9999-12-31T23:59:59.999Z',
      '9999-12-31T18:59:59.999-05:00',
      '1969-12-31T23:59:59z',
      '2016-12-31T23:59:60Z',
      '2017-01-01T05:29:60.5+05:30',
      '2026-01-01t00:00:00.123456789Z',
    ])('takes %s', async (t) => {
      expect(codes(await viewer.ask(query, { t }))).toEqual([]);
    });

    test.each([
      '0000-01-01T00:00:00Z',
      '0001-01-01T00:00:00+00:01',
      '9999-12-31T23:59:59.999-05:00',
      '9999-12-31T23:59:60Z',
      '2016-12-31T22:59:60Z',
      '2026-02-29T00:00:00Z',
      '2026-01-01T24:00:00Z',
      '2026-01-01T00:00:00',
      '2026-01-01',
      '+010000-01-01T00:00:00Z',
      'infinity',
      `2026-01-01T00:00:00.${'0'.repeat(100)}Z`,
    ])('refuses %s', async (t) => {
      const asVariable = await viewer.ask(query, { t });
      const asLiteral = await viewer.ask(query.replace(/^query \(.*?\)/, 'query').replace('$t', JSON.stringify(t)));

      expect(asVariable.errors.map(({ message }) => message)).toEqual([`t ${RULE}`]);
      expect(codes(asVariable)).toEqual(['BAD_USER_INPUT']);
      expect(asLiteral.errors[0]?.message).toContain(RULE);
      expect(codes(asLiteral)).toEqual(['GRAPHQL_VALIDATION_FAILED']);
    });
  });

  test('a leap second is the second that follows it', async () => {
    const created = "update users set created_at = '2017-01-01T00:00:00Z' where id = ?";
    await app().database.em.execute(created, [viewer.id]);
    const query =
      'query ($from: DateTime) { users(filter: { createdFrom: $from, createdBefore: "2017-01-02T00:00:00Z" }) { totalCount } }';

    const { data } = await viewer.ask(query, { from: '2016-12-31T23:59:60Z' });

    expect(data.users.totalCount).toBe(1);
  });
});

describeApi('a variable that is null where its field takes no null', (app) => {
  test.each([
    ['an argument', 'query ($id: ID = "x") { user(id: $id) { id } }', { id: null }, 'id'],
    [
      'a part of an input',
      'mutation ($e: EmailAddress = "a@b.co") { login(input: { email: $e, password: "c4n4ry" }) { accessToken } }',
      { e: null },
      'input',
    ],
    ['a directive', 'query ($if: Boolean = true) { me @skip(if: $if) { id } }', { if: null }, 'if'],
  ])('is told for %s, and not as a fault of the server', async (_, query, variables, path) => {
    const viewer = await admin(app());

    const answer = await viewer.ask(query, variables);

    expect(answer.errors).toMatchObject([
      { message: `${path} has a variable that is null or not given`, extensions: { code: 'BAD_USER_INPUT', path } },
    ]);
    expect(app().logged()).not.toContain('unexpected error');
    expect(answer.text + app().logged()).not.toContain('c4n4ry');
  });
});
