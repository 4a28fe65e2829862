// Each field fails with the codes that it lists and with no others; every code of every field is provoked.

import { expect, test } from '@jest/globals';
import { rulesOf } from '../../src/graphql/rules.js';
import { Passwords } from '../../src/password/password.js';
import { buildUnguarded } from '../../src/schema.js';
import { describeApi } from '../support/app.js';
import { clientFrom } from '../support/client-from.js';
import { eventually } from '../support/eventually.js';
import { WITH_BILLING } from '../support/participants.js';
import { ask, codes, member } from '../support/people.js';
import { FAILURES } from './errors-table.js';

const LISTED = Object.fromEntries(
  rulesOf(buildUnguarded())
    .filter(({ codes }) => codes.length > 0)
    .map(({ name, codes }) => [name, [...codes].sort()]),
);

// A hash takes long enough here for a queue of them to be there when the request comes.
const passwords = new Passwords({ pepper: 'a pepper for tests, long enough', cost: 8, minLength: 8 });

describeApi(
  'the codes that a field lists',
  (app) => {
    test('are those that it fails with', () => {
      const known = Object.fromEntries(
        Object.entries(FAILURES).map(([name, ways]) => [name, Object.keys(ways).sort()]),
      );

      expect(known).toEqual(LISTED);
    });

    const all = Object.entries(FAILURES).flatMap(([name, ways]) =>
      Object.entries(ways).map(([code, way]) => ({ name, code, way })),
    );
    test.each(all)('$name fails with $code', async ({ name, code, way }) => {
      const { query, variables, token, answered } = await way(app());

      const answer = await ask(app(), query, variables, token);
      answered?.();

      expect(codes(answer)).toEqual([code]);
      expect(answer.errors[0]?.path?.at(-1)).toBe(name.split('.')[1]);
      if (code === 'SERVICE_OVERLOADED') {
        expect(answer.errors[0]?.extensions.retryAfterSeconds).toBeGreaterThan(0);
        await eventually(async () => void (await passwords.hash(clientFrom('127.0.0.1'), 'a place in the queue')));
      }
    });
  },
  { passwords },
  WITH_BILLING,
);

describeApi('an unexpected error', (app) => {
  test('is masked, and logged under the id of its request without a value', async () => {
    const ada = await member(app());
    await app().database.em.execute('alter table users rename column name to label');

    const answer = await ask(app(), 'mutation ($i: RegisterInput!) { register(input: $i) { accessToken } }', {
      i: { email: 'canary@example.com', password: 'canary password', name: 'Canary' },
    });

    await app().database.em.execute('alter table users rename column label to name');
    const requestId = answer.headers.get('x-request-id');
    expect(answer.errors).toEqual([
      {
        message: 'Something went wrong on our side.',
        locations: expect.any(Array),
        path: ['register'],
        extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
      },
    ]);
    const line = app()
      .logged()
      .split('\n')
      .find((logged) => logged.includes('unexpected error'));
    expect(line).toContain(requestId);
    expect(line).not.toMatch(/canary|\$2b\$|p1\$/i);
    expect(codes(await ada.ask('{ me { name } }'))).toEqual([]);
  });
});
