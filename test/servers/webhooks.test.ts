// A webhook leads nowhere but to its address, and never to the own network: servers that must not hear of a deletion listen.

import { describe, expect, test } from '@jest/globals';
import { deletionOf } from '../support/deletions.js';
import { eventually } from '../support/eventually.js';
import { newSecret } from '../support/participants.js';
import { DELETE_USER, member, signIn } from '../support/people.js';
import { type ApiProcess, type Env, startApi } from '../support/processes.js';
import { startWebhookServer } from '../support/webhook-server.js';

const REDIRECTS = [301, 302, 303, 307, 308];

async function startHooked(urls: string[], env: Env = {}): Promise<ApiProcess> {
  const hooks = urls.map((url, index) => ({ name: `hook-${index}`, url, secret: newSecret() }));
  return startApi({ DELETION_ATTEMPTS: '1', DELETION_WEBHOOKS: JSON.stringify(hooks), ...env });
}

/** Deletes somebody. Waits until the webhooks have failed with these errors. */
async function expectFailures(api: ApiProcess, errors: string[]): Promise<void> {
  const [root, ada] = [await signIn(api), await member(api)];
  await root.ask(DELETE_USER, { id: ada.id });
  await eventually(async () => {
    const { receipts } = await deletionOf(root, ada.id);
    const told = Object.entries(receipts).filter(([step]) => step.startsWith('webhook:'));
    expect(told.map(([, { status, lastError }]) => [status, lastError])).toEqual(
      errors.map((error) => ['FAILED', error]),
    );
  });
}

describe('webhooks', () => {
  test('never lead to the own network, by address or by name', async () => {
    const server = await startWebhookServer();
    const { port } = new URL(server.url);
    const hosts = ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '2130706433', '0.0.0.0', '10.0.0.1'];
    await using api = await startHooked(hosts.map((host) => `http://${host}:${port}/`));

    await expectFailures(
      api,
      hosts.map(() => 'leads to a private address'),
    );

    expect(server.received).toEqual([]);
    await server.close();
  });

  test('follow no redirect', async () => {
    const target = await startWebhookServer();
    const servers = await Promise.all(REDIRECTS.map(() => startWebhookServer(target.url)));
    for (const [index, server] of servers.entries()) server.answerWith(REDIRECTS[index] as number);
    await using api = await startHooked(
      servers.map(({ url }) => url),
      { DELETION_WEBHOOKS_PRIVATE: 'true' },
    );

    await expectFailures(
      api,
      REDIRECTS.map((status) => `answered ${status}`),
    );

    expect(servers.map(({ received }) => received.length)).toEqual(REDIRECTS.map(() => 1));
    expect(target.received).toEqual([]);
    await Promise.all([target, ...servers].map((server) => server.close()));
  });

  test('that switch protocols have failed, and hold up no other deletion', async () => {
    const server = await startWebhookServer();
    server.answerWith(101);
    await using api = await startHooked([server.url], { DELETION_WEBHOOKS_PRIVATE: 'true' });
    await expectFailures(api, ['answered 101']);
    server.answerWith(204);
    const [root, bob] = [await signIn(api), await member(api)];

    await root.ask(DELETE_USER, { id: bob.id });

    await eventually(async () => expect((await deletionOf(root, bob.id)).status).toBe('DONE'));
    await server.close();
  });
});
