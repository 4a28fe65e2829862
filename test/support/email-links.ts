import { expect } from '@jest/globals';
import type { TestApp } from './app.js';
import { sentToken } from './links.js';
import { member, type Person, REQUEST_EMAIL_CHANGE } from './people.js';

export const VERIFY = 'mutation ($token: String!) { verifyEmail(token: $token) { id email emailVerified } }';
export const CONFIRM_CHANGE =
  'mutation ($token: String!) { confirmEmailChange(token: $token) { id email emailVerified } }';
export const RESET =
  'mutation ($token: String!) { resetPassword(input: { token: $token, newPassword: "a quite different one" }) { accessToken } }';

/** Somebody new with the token of the link that they were sent at once. */
export async function newcomer(app: TestApp): Promise<[Person, string]> {
  const ada = await member(app);
  return [ada, await sentToken(app, ada.email, 'verify-email')];
}

/** A token for another address of the user. */
export async function changeToken(app: TestApp, user: Person, newEmail: string): Promise<string> {
  const { data } = await user.ask(REQUEST_EMAIL_CHANGE, { newEmail });
  expect(data).toEqual({ requestEmailChange: { accepted: true } });
  return sentToken(app, newEmail, 'change-email');
}

/** The types of the user's events that are about addresses. */
export const eventsOf = async (app: TestApp, userId: string) =>
  (
    await app.database.em.execute(`select type from outbox where subject = ? and type like 'user.email%' order by id`, [
      userId,
    ])
  ).map(({ type }) => type);
