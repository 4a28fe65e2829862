import type { FastifyInstance } from 'fastify';
import { LINK_PAGES } from '../../mail/link-pages.js';
import type { Mailbox } from '../../mail/mailbox.js';
import { ACCOUNT_PAGE, ACCOUNT_POLICY, ACCOUNT_SCRIPT } from './account-page.js';
import { MAILBOX_POLICY, mailboxPage } from './mailbox-page.js';

const HTML = 'text/html; charset=utf-8';

/** Where the links of mails lead. To have other pages, route `/account/` to them in front of the API. */
export function serveAccountPages(http: FastifyInstance): void {
  for (const page of Object.values(LINK_PAGES)) {
    http.get(`/account/${page}`, async (_, reply) =>
      reply.header('content-security-policy', ACCOUNT_POLICY).type(HTML).send(ACCOUNT_PAGE),
    );
  }
  http.get('/account/account.js', async (_, reply) =>
    reply.type('text/javascript; charset=utf-8').send(ACCOUNT_SCRIPT),
  );
}

/** What development sent, as a page and as JSON. */
export function serveMailbox(http: FastifyInstance, mailbox: Mailbox): void {
  http.get('/dev/mail', async (_, reply) =>
    reply
      .header('content-security-policy', MAILBOX_POLICY)
      .type(HTML)
      .send(mailboxPage(await mailbox.list())),
  );
  http.get('/dev/mail.json', async () => mailbox.list());
}
