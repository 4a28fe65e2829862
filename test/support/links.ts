import { expect } from '@jest/globals';
import type { TestApp } from './app.js';
import { eventually } from './eventually.js';

/** The page that a link leads to. */
export type Page = 'verify-email' | 'reset-password' | 'change-email';

/** The token of the newest link to the page that was sent to the address; waits for the mail. */
export async function sentToken(app: TestApp, to: string, page: Page): Promise<string> {
  let token = '';
  await eventually(async () => {
    const links = (await mailsTo(app, to)).map(({ text }) => new RegExp(`/account/${page}#token=([\\w-]+)`).exec(text));
    token = links.find(Boolean)?.[1] ?? '';
    expect(token).not.toBe('');
  });
  return token;
}

/** Mails that were sent to the address so far, the newest first. */
export async function mailsTo(app: TestApp, to: string) {
  return (await app.mails()).filter((mail) => mail.to === to);
}

/** Waits until whatever was ordered is sent, or is known to be nobody's. */
export async function allSent({ database }: TestApp): Promise<void> {
  await eventually(async () => {
    expect(await database.em.execute('select type from outbox where published_at is null')).toEqual([]);
  });
}
