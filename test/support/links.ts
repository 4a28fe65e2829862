import { expect } from '@jest/globals';
import type { LinkPage } from '../../src/mail/link-pages.js';
import type { TestApp } from './app.js';
import { eventually } from './eventually.js';

/** Something that mails are sent from. */
type Sender = Pick<TestApp, 'mails'>;

/** The newest link to the page that was sent to the address; waits for the mail. */
export async function sentLink(sender: Sender, to: string, page: LinkPage): Promise<string> {
  let link = '';
  await eventually(async () => {
    const links = (await mailsTo(sender, to)).map(({ text }) =>
      new RegExp(`^http\\S+/account/${page}#token=[\\w-]+$`, 'm').exec(text),
    );
    link = links.find(Boolean)?.[0] ?? '';
    expect(link).not.toBe('');
  });
  return link;
}

export const tokenIn = (link: string) => link.slice(link.indexOf('#token=') + '#token='.length);

/** The token of that link. */
export const sentToken = async (sender: Sender, to: string, page: LinkPage): Promise<string> =>
  tokenIn(await sentLink(sender, to, page));

/** Mails that were sent to the address so far, the newest first. */
export async function mailsTo(sender: Sender, to: string) {
  return (await sender.mails()).filter((mail) => mail.to === to);
}

/** Waits until whatever was ordered is sent, or is known to be nobody's. */
export async function allSent({ database }: TestApp): Promise<void> {
  await eventually(async () => {
    expect(await database.em.execute('select type from outbox where published_at is null')).toEqual([]);
  });
}
