import { Webhook as Signer } from 'standardwebhooks';
import type { Webhook } from '../../src/config/webhooks.js';
import type { Deletion } from '../../src/deletion/deletion.entity.js';
import { post } from './post.js';
import { StepFailure } from './step-failure.js';
import type { Step } from './steps.js';

/** Tells another system of the deletion, and is done when it answers with 2xx. */
export const webhookStep =
  (webhook: Webhook, allowsPrivate: boolean): Step =>
  async (deletion) => {
    await tell(webhook, deletion, allowsPrivate);
    return true;
  };

/**
 * Sends the deletion with a signature by Standard Webhooks, and answers what a 2xx said. The same deletion has the same
 * `webhook-id`.
 * @throws {StepFailure} for any other answer, and for none.
 */
export async function tell(
  { url, secret }: Pick<Webhook, 'url' | 'secret'>,
  { userId, requestedBy, requestedAt }: Deletion,
  allowsPrivate: boolean,
): Promise<string> {
  const deletedAt = requestedAt.toISOString();
  const data = { userId, deletedBy: requestedBy, deletedAt };
  const text = JSON.stringify({ type: 'user.deleted', timestamp: deletedAt, data });
  const [id, now] = [`deletion_${userId}`, new Date()];
  const { status, body } = await post(new URL(url), text, allowsPrivate, {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': new Signer(secret).sign(id, now, text),
  });
  if (status < 200 || status > 299) throw new StepFailure(`answered ${status}`);
  return body;
}
