import { createHash } from 'node:crypto';
import type { TestApp } from './app.js';
import { DELETE_USER, type Person } from './people.js';

/** How the token of a link becomes worthless, whatever it is for: does it. */
export const SPOILT: [string, (app: TestApp, ada: Person, token: string) => Promise<unknown>][] = [
  [
    'is an hour old',
    ({ database }, _, token) =>
      database.em.execute(`update mail_tokens set expires_at = expires_at - interval '1 hour' where digest = ?`, [
        createHash('sha256').update(token).digest('base64url'),
      ]),
  ],
  [
    'was sent to an address of before',
    ({ database }, { id, email }) =>
      database.em.execute('update users set email = ? where id = ?', [`new-${email}`, id]),
  ],
  ['is of an account that is closed', (_, ada) => ada.ask(DELETE_USER, { id: ada.id })],
  [
    'is of an account that is switched off',
    ({ database }, { id }) => database.em.execute('update users set is_active = false where id = ?', [id]),
  ],
];
