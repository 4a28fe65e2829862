// Operations that are made from the schema at random, as each kind of viewer: never a fault of the server, never an
// unmasked text, never a value of somebody else. And the same answer, byte for byte, whichever way it is run.

import { mock } from 'node:test';
import { ApolloServer } from '@apollo/server';
import { afterEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ERROR_CODES } from '../../src/errors.js';
import { describeApi } from '../support/app.js';
import { type Answer, admin, ask, codes, member } from '../support/people.js';
import { documentBy, type Pick, timeless } from '../support/random-operations.js';

const RUNS = Number(process.env.OPERATION_RUNS ?? 300);
const SEED = Number(process.env.OPERATION_SEED ?? Math.trunc(Math.random() * 1e9));
const SECRET_NAME = 'Xq7 Victimson';
const SECRET_AGENT = 'Zk4 Browser';

afterEach(() => mock.restoreAll());

describeApi('any operation', (app) => {
  test.each(['nobody', 'a member', 'an admin'])(
    `of %s has an answer by the contract (OPERATION_SEED=${SEED})`,
    async (kind) => {
      const victim = await member(app(), { name: SECRET_NAME });
      await app().database.em.execute('update sessions set user_agent = ? where user_id = ?', [
        SECRET_AGENT,
        victim.id,
      ]);
      const seen = new Map<string, number>();
      const runByApollo = mock.method(ApolloServer.prototype, 'executeHTTPGraphQLRequest').mock;
      let ranDirectly = 0;
      const viewer = kind === 'nobody' ? null : kind === 'a member' ? await member(app()) : await admin(app());
      const own = viewer?.id ?? '';
      const ids = [victim.id, own, victim.sessionId, crypto.randomUUID()].filter(Boolean);
      const secrets = [SECRET_NAME, SECRET_AGENT, victim.email, victim.refreshToken];

      await fc.assert(
        fc.asyncProperty(fc.infiniteStream(fc.nat()), fc.boolean(), async (numbers, isMutation) => {
          const pick: Pick = (count) => (numbers.next().value as number) % count;
          // An admin may change anything, the others' accounts too.
          const query = documentBy(pick, ids, isMutation && kind !== 'an admin' ? 'mutation' : 'query');
          const answer = await ask(app(), query, {}, viewer?.token);
          for (const code of codes(answer).concat(answer.data ? 'data' : [])) seen.set(code, (seen.get(code) ?? 0) + 1);
          expectContract(answer, query);
          // A document that was found good before is not run by Apollo again.
          if (!isMutation || kind === 'an admin') {
            // It would keep all that Apollo was ever given.
            runByApollo.resetCalls();
            const again = await ask(app(), query, {}, viewer?.token);
            if (runByApollo.callCount() === 0) ranDirectly += 1;
            expect([query, again.status, timeless(again.text)]).toEqual([query, answer.status, timeless(answer.text)]);
          }
          if (kind === 'an admin') return;
          const leaked = secrets.filter((secret) => answer.text.includes(secret) && !query.includes(secret));
          if (leaked.length > 0) throw new Error(`${query}\nled to ${leaked} in ${answer.text}`);
        }),
        { seed: SEED, numRuns: RUNS, endOnFailure: true },
      );

      expect(ranDirectly).toBeGreaterThan(RUNS / 50);
      // Not all are refused before they run.
      expect(seen.get('data') ?? 0).toBeGreaterThan(RUNS / 50);
    },
  );

  function expectContract({ status, errors, text }: Answer, query: string): void {
    const unknown = errors.filter(
      ({ extensions: { code } }) => code === 'INTERNAL_SERVER_ERROR' || !Object.hasOwn(ERROR_CODES, code),
    );
    const isUnmasked = errors.some(
      ({ message, extensions }) => 'stacktrace' in extensions || /\bat \w+ \(|select |insert /i.test(message),
    );
    if (status < 500 && unknown.length === 0 && !isUnmasked && text.length < 500_100) return;
    throw new Error(`${query}\nwas answered with ${status} ${text.slice(0, 1_000)}`);
  }
});
