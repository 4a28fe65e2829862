import { expect } from '@jest/globals';
import type { EventType } from '../../src/events/events.js';
import type { TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { sentToken } from '../support/links.js';
import {
  admin,
  ask,
  codes,
  DELETE_USER,
  member,
  PASSWORD,
  type Person,
  REQUEST_EMAIL_CHANGE,
} from '../support/people.js';

/** How each event comes about where deletions have a grace period: does it, and answers the subject. */
export const WAYS_TO_EVENTS: { [T in EventType]: (app: TestApp) => Promise<string> } = {
  'user.registered': async (app) => (await member(app)).id,
  'user.email_verified': async (app) => {
    const ada = await member(app);
    const token = await sentToken(app, ada.email, 'verify-email');
    return done(ada, `mutation { verifyEmail(token: "${token}") { id } }`);
  },
  'user.email_changed': async (app) => {
    const ada = await member(app);
    const newEmail = `new-${ada.email}`;
    await ada.ask(REQUEST_EMAIL_CHANGE, { newEmail });
    const token = await sentToken(app, newEmail, 'change-email');
    return done(ada, `mutation { confirmEmailChange(token: "${token}") { id } }`);
  },
  'user.password_changed': async (app) => done(await member(app), CHANGE_PASSWORD),
  'user.role_changed': async (app) =>
    doneByAdmin(app, 'mutation ($id: ID!) { setUserRole(id: $id, role: ADMIN) { id } }'),
  'user.deactivated': async (app) => doneByAdmin(app, 'mutation ($id: ID!) { deactivateUser(id: $id) { id } }'),
  'user.activated': async (app) => {
    const { id } = await member(app);
    const root = await admin(app);
    await done(root, 'mutation ($id: ID!) { deactivateUser(id: $id) { id } }', id);
    return done(root, 'mutation ($id: ID!) { activateUser(id: $id) { id } }', id);
  },
  'user.deletion_scheduled': async (app) => doneByAdmin(app, DELETE_USER),
  'user.restored': async (app) => {
    const id = await doneByAdmin(app, DELETE_USER);
    return done(await admin(app), 'mutation ($id: ID!) { cancelUserDeletion(id: $id) { id } }', id);
  },
  'user.deletion_overdue': async (app) => {
    const id = await purgedByAdmin(app);
    await app.database.em.execute(
      `update deletions set announced_at = announced_at - interval '31 days' where user_id = ?`,
      [id],
    );
    await filed(app, 'user.deletion_overdue', id);
    return id;
  },
  'user.deleted': purgedByAdmin,
  'session.reuse_detected': async (app) => {
    const { id, refreshToken } = await member(app);
    const { data } = await refresh(app, refreshToken);
    await refresh(app, data.refresh.refreshToken);
    await refresh(app, refreshToken);
    return id;
  },
  'mail.requested': async (app) => {
    const { id } = await member(app);
    const [mail] = await app.database.em.execute('select id from mails where user_id = ?', [id]);
    return mail?.id;
  },
};

const CHANGE_PASSWORD = `mutation {
  changePassword(input: { currentPassword: "${PASSWORD}", newPassword: "another ${PASSWORD}" }) { user { id } }
}`;

/** What a member does to themselves, or the given one does to another. */
async function done(who: Person, operation: string, id = who.id): Promise<string> {
  const answer = await who.ask(operation, operation.includes('$id') ? { id } : {});
  if (codes(answer).length > 0) throw new Error(`the operation failed: ${answer.text}`);
  return id;
}

const doneByAdmin = async (app: TestApp, operation: string) =>
  done(await admin(app), operation, (await member(app)).id);

const refresh = (app: TestApp, token: string) =>
  ask(app, 'mutation ($token: String!) { refresh(input: { refreshToken: $token }) { refreshToken } }', { token });

async function purgedByAdmin(app: TestApp): Promise<string> {
  const id = await doneByAdmin(app, DELETE_USER);
  await app.database.em.execute('update deletions set purge_at = now() where user_id = ?', [id]);
  await filed(app, 'user.deleted', id);
  return id;
}

const filed = (app: TestApp, type: EventType, id: string) =>
  eventually(async () => {
    const sql = 'select id from outbox where subject = ? and type = ?';
    expect(await app.database.em.execute(sql, [id, type])).toHaveLength(1);
  });
