// A refusal of the database is an error with its own meaning, and changes nothing; the database is made to refuse
// each operation.

import { beforeAll, expect, test } from '@jest/globals';
import { AddressTaken, createAdmin } from '../../src/account/first-admin.js';
import { describeApi } from '../support/app.js';
import { CONFIRM_CHANGE, changeToken, newcomer, RESET, VERIFY } from '../support/email-links.js';
import { allSent, sentToken } from '../support/links.js';
import {
  admin,
  ask,
  codes,
  DELETE_USER,
  LOGIN,
  member,
  PASSWORD,
  type Person,
  REGISTER,
  REQUEST_EMAIL_CHANGE,
  REQUEST_PASSWORD_RESET,
} from '../support/people.js';

const CHANGE = `mutation { changePassword(input: { currentPassword: "${PASSWORD}", newPassword: "a quite different one" }) { accessToken } }`;
const NEW_EMAIL = 'moved@example.com';
const FRESH = { email: 'fresh@example.com', password: PASSWORD };

describeApi('a database that refuses an audit event, because its chain is damaged', (app) => {
  let [ada, root]: Person[] = [];
  const tokens = { verify: '', reset: '', change: '' };

  beforeAll(async () => {
    root = await admin(app());
    [ada, tokens.verify] = await newcomer(app());
    await ask(app(), REQUEST_PASSWORD_RESET, { email: ada.email });
    tokens.reset = await sentToken(app(), ada.email, 'reset-password');
    tokens.change = await changeToken(app(), ada, NEW_EMAIL);
    await allSent(app());
    // The next place of every chain is taken.
    await app().database.em.execute(
      `insert into audit_events (id, chain, position, previous_digest, digest, action, result, at)
       select gen_random_uuid(), id, position + 1, digest, '', 'login.failed', 'failed', now() from audit_chains`,
    );
  });

  const asAda = (query: string, variables = {}) => ask(app(), query, variables, ada?.token);
  const asRoot = (query: string) => ask(app(), query, { id: ada?.id }, root?.token);

  test.each<[string, () => ReturnType<typeof ask>]>([
    ['register', () => ask(app(), REGISTER, { input: { ...FRESH, name: 'Fresh' } })],
    ['login', () => ask(app(), LOGIN, { input: { email: ada?.email, password: PASSWORD } })],
    ['a wrong login', () => ask(app(), LOGIN, { input: { email: ada?.email, password: 'not the password' } })],
    ['changePassword', () => asAda(CHANGE)],
    ['resetPassword', () => ask(app(), RESET, { token: tokens.reset })],
    ['verifyEmail', () => ask(app(), VERIFY, { token: tokens.verify })],
    ['requestEmailChange', () => asAda(REQUEST_EMAIL_CHANGE, { newEmail: NEW_EMAIL })],
    ['confirmEmailChange', () => ask(app(), CONFIRM_CHANGE, { token: tokens.change })],
    ['requestPasswordReset', () => ask(app(), REQUEST_PASSWORD_RESET, { email: ada?.email })],
    ['updateProfile', () => asAda('mutation { updateProfile(input: { name: "Countess" }) { id } }')],
    ['logout', () => asAda('mutation { logout { sessionsEnded } }')],
    ['setUserRole', () => asRoot('mutation ($id: ID!) { setUserRole(id: $id, role: ADMIN) { id } }')],
    ['deactivateUser', () => asRoot('mutation ($id: ID!) { deactivateUser(id: $id) { id } }')],
    ['deleteUser', () => asRoot(DELETE_USER)],
    ['a denied operation', () => asAda('{ users { totalCount } }')],
  ])('makes %s an internal error, which is logged', async (_, operation) => {
    const before = app().logged().length;

    const answer = await operation();

    expect(codes(answer)).toEqual(['INTERNAL_SERVER_ERROR']);
    expect(app().logged().slice(before)).toContain('"constraint":"audit_events_position"');
    expect(app().logged()).not.toContain(PASSWORD);
  });

  test('is no address that is taken to somebody who makes an admin', async () => {
    const { services, passwords } = app();
    const making = createAdmin(services.audit, passwords, FRESH);

    await expect(making).rejects.toMatchObject({ constraint: 'audit_events_position' });
    await expect(making).rejects.not.toBeInstanceOf(AddressTaken);
  });

  test('has changed nothing', async () => {
    const rows = await app().database.em.execute('select email, name, is_active from users where id = ? or email = ?', [
      ada?.id ?? '',
      FRESH.email,
    ]);

    expect(rows).toEqual([{ email: ada?.email, name: ada?.name, is_active: true }]);
  });
});

describeApi('an address that is taken', (app) => {
  test('is told by whatever gives it', async () => {
    const [ada, eve] = [await member(app()), await member(app())];
    const token = await changeToken(app(), ada, NEW_EMAIL);
    await member(app(), { email: NEW_EMAIL });

    const registered = await ask(app(), REGISTER, { input: { email: eve.email, password: PASSWORD, name: 'Else' } });
    const confirmed = await ask(app(), CONFIRM_CHANGE, { token });
    const { services, passwords } = app();
    const made = createAdmin(services.audit, passwords, { email: eve.email, password: PASSWORD });

    expect([registered, confirmed].map(codes)).toEqual([['EMAIL_TAKEN'], ['EMAIL_TAKEN']]);
    await expect(made).rejects.toBeInstanceOf(AddressTaken);
  });
});
