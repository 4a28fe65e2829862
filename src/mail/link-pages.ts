import { type LinkKind, MailKind } from './mail.entity.js';

/** The page that each kind's link leads to, under `/account/`. */
export const LINK_PAGES = {
  [MailKind.VERIFY_EMAIL]: 'verify-email',
  [MailKind.RESET_PASSWORD]: 'reset-password',
  [MailKind.CHANGE_EMAIL]: 'change-email',
} as const satisfies Record<LinkKind, string>;

export type LinkPage = (typeof LINK_PAGES)[LinkKind];
