// No secret is in an answer, log line, event, audit event or cache entry; every operation is run, and all of these
// are searched.

import { expect, test } from '@jest/globals';
import { LRUCache } from 'lru-cache';
import { Cache } from '../../src/cache/cache.js';
import { createLog } from '../../src/log.js';
import { describeApi } from '../support/app.js';
import { sentToken } from '../support/links.js';
import {
  type Answer,
  admin,
  ask,
  DELETE_USER,
  LOGIN,
  member,
  REGISTER,
  REQUEST_EMAIL_CHANGE,
  REQUEST_PASSWORD_RESET,
} from '../support/people.js';

const CANARY = 'canary-7f3a91';
const PASSWORD = `${CANARY} password`;
const keys = new LRUCache<string, string>({ max: 10_000 });

describeApi(
  'secrets',
  (app) => {
    test('are in no answer, log line, event, audit event or cache entry, whatever is asked and however wrongly (A22, A35)', async () => {
      const answers: Answer[] = [];
      const tokens: string[] = [];
      const say = async (query: string, variables: Record<string, unknown> = {}, token?: string) => {
        const answer = await ask(app(), query, variables, token);
        answers.push(answer);
        return answer;
      };
      const input = { email: 'bird@example.com', password: PASSWORD, name: 'Bird' };
      const { data } = await say(REGISTER, { input });
      tokens.push(data.register.accessToken);
      tokens.push((await say(LOGIN, { input: { email: input.email, password: PASSWORD } })).data.login.accessToken);
      const [token = ''] = tokens;
      const { id } = data.register.user;
      const root = await admin(app());
      tokens.push(root.token);
      const [hash] = await app().database.em.execute('select password_hash from users where id = ?', [id]);

      await say(REGISTER, { input });
      await say(LOGIN, { input: { email: input.email, password: `${PASSWORD}!` } });
      for (const wrong of [
        PASSWORD,
        { email: PASSWORD },
        { ...input, email: PASSWORD },
        { ...input, name: { PASSWORD } },
        [PASSWORD],
      ]) {
        await say(REGISTER, { input: wrong });
        await say(LOGIN, { input: wrong });
      }
      await say(REQUEST_PASSWORD_RESET, { email: input.email });
      await say(REQUEST_PASSWORD_RESET, { email: PASSWORD });
      await say(REQUEST_EMAIL_CHANGE, { newEmail: 'bird@example.org', password: PASSWORD }, token);
      await say(REQUEST_EMAIL_CHANGE, { newEmail: PASSWORD, password: PASSWORD }, token);
      for (const [link, newPassword] of [
        [await sentToken(app(), input.email, 'reset-password'), PASSWORD.repeat(20)],
        [PASSWORD, PASSWORD],
      ]) {
        await say(
          `mutation { resetPassword(input: { token: "${link}", newPassword: "${newPassword}" }) { accessToken } }`,
        );
        tokens.push(...(link === PASSWORD ? [] : [String(link)]));
      }
      await say(
        `mutation { verifyEmail(token: "${PASSWORD}") { id } confirmEmailChange(token: "${PASSWORD}") { id } }`,
      );
      await say(REGISTER, { input: { ...input, role: PASSWORD } });
      await say(REGISTER, { input: { ...input, password: PASSWORD.repeat(20) } });
      await say(REGISTER, { input: { ...input, password: { value: PASSWORD } } });
      await say(`mutation { login(input: { email: "${PASSWORD}", password: "${PASSWORD}" }) { accessToken } }`);
      await say(`mutation { login(input: { email: 12, password: ["${PASSWORD}"] }) { accessToken } }`);
      await say(`mutation { login(input: { email: "a@b.co", passwort: "${PASSWORD}" }) { accessToken } }`);
      await say(`mutation { login(input: "${PASSWORD}") { accessToken } }`);
      await say(`mutation { login(input: { email: "a@b.co", password: "${PASSWORD}" `);
      await say(`mutation { login(input: { email: "a@b.co", password: "${PASSWORD}`);
      await say(
        `query ($d: DateTime = "${PASSWORD}") { users(filter: { createdFrom: $d }) { totalCount } }`,
        {},
        root.token,
      );
      await say(`{ users(filter: { createdFrom: "${PASSWORD}", role: "${CANARY}" }) { totalCount } }`, {}, root.token);
      await say(
        'query ($f: UserFilter) { users(filter: $f) { totalCount } }',
        { f: { createdFrom: PASSWORD, role: PASSWORD, isActive: PASSWORD } },
        root.token,
      );
      await say('query ($n: Int) { users(first: $n) { totalCount } }', { n: PASSWORD }, root.token);
      await say('query ($c: String) { users(after: $c) { totalCount } }', { c: PASSWORD }, root.token);
      await say('query ($id: ID!) { user(id: $id) { id } }', { id: PASSWORD }, root.token);
      await say('{ me { id email } roles { name } }', {}, token);
      await say('{ users(first: 5) { nodes { id email name role { name } } } }', {}, root.token);
      await say('{ me { id } roles { id } }', {}, `${token}x`);
      await say(DELETE_USER, { id: PASSWORD }, root.token);
      await say(DELETE_USER, { id }, root.token);
      await say('{ roles { id } }', {}, token);
      const broken = await fetch(`${app().url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: `{"query": "{ me { id } }", "password": "${PASSWORD}`,
      });

      const secrets = [CANARY, String(hash?.password_hash), String(hash?.password_hash).slice(10, 40)];
      const rows = await app().database.em.execute('select * from outbox');
      const inbox = await app().database.em.execute('select * from inbox');
      const recorded = await app().database.em.execute('select * from audit_events');
      const places: Record<string, string> = {
        answers: [...answers.map(({ text }) => text), await broken.text()].join('\n'),
        log: app().logged(),
        events: JSON.stringify([rows, inbox]),
        audit: JSON.stringify(recorded),
        cache: JSON.stringify([...keys.entries()]),
      };
      const leaks = Object.entries(places).flatMap(([place, text]) =>
        [
          ...secrets,
          ...(place === 'answers' ? [] : tokens),
          ...(['events', 'audit'].includes(place) ? ['bird@', 'Bird'] : []),
        ]
          .filter((secret) => text.includes(secret))
          .map(
            (secret) =>
              `${place}: ${secret}: ${text.slice(Math.max(0, text.indexOf(secret) - 200), text.indexOf(secret) + 50)}`,
          ),
      );
      expect(leaks).toEqual([]);
      expect(answers.filter(({ text }) => text.includes(token))).toHaveLength(1);
      expect(answers.length).toBeGreaterThan(30);
      expect(places.cache).toContain('bird@example.com');
      expect(places.audit).toContain('login.failed');
    });

    test('are in no answer of somebody who reads another one (A23)', async () => {
      const ada = await member(app());

      const { errors } = await ask(app(), '{ __type(name: "User") { fields { name } } }', {}, ada.token);

      expect(errors).toEqual([]);
      const fields = await ask(app(), '{ me { passwordHash } }', {}, ada.token);
      expect(fields.errors[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    });
  },
  { cache: Cache.inMemory(createLog('silent'), keys) },
);
