import { lookup } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { Webhook as Signer } from 'standardwebhooks';
import type { Webhook } from '../../src/config/webhooks.js';
import { canonicalAddress, isWithin } from '../../src/text/ip-address.js';
import { StepFailure } from './step-failure.js';
import type { Step } from './steps.js';

const TIMEOUT_MS = 15_000;

/** Addresses that lead to the own machine or network, or nowhere (RFC 6890 and its successors). */
const isPrivate = isWithin([
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/3'],
  ...['::/127', '64:ff9b::/96', '64:ff9b:1::/48', '2001:db8::/32', '2002::/16', 'fc00::/7', 'fe80::/10', 'ff00::/8'],
]);

/**
 * Tells another system of the deletion, with a signature by Standard Webhooks, and is done when it answers with 2xx. The
 * same deletion has the same `webhook-id`. An address within the own network is refused, also where a name leads to it
 * (OWASP, Server-Side Request Forgery), unless `allowsPrivate`; redirects are not followed.
 */
export const webhookStep =
  ({ url, secret }: Webhook, allowsPrivate: boolean): Step =>
  async ({ userId, requestedBy, requestedAt }) => {
    const body = JSON.stringify({
      type: 'user.deleted',
      timestamp: requestedAt.toISOString(),
      data: { userId, deletedBy: requestedBy, deletedAt: requestedAt.toISOString() },
    });
    const [id, now] = [`deletion_${userId}`, new Date()];
    const status = await post(new URL(url), body, allowsPrivate, {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': new Signer(secret).sign(id, now, body),
    });
    if (status < 200 || status > 299) throw new StepFailure(`answered ${status}`);
    return true;
  };

const privateAddress = () => new StepFailure('leads to a private address');

/** Answers the status. @throws {StepFailure} */
function post(url: URL, body: string, allowsPrivate: boolean, headers: Record<string, string>): Promise<number> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // For an address there is no look-up that could refuse it.
  if (!allowsPrivate && isIP(host) !== 0 && isPrivate(canonicalAddress(host))) throw privateAddress();
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const options = {
    method: 'POST',
    headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    lookup: allowsPrivate ? undefined : publicLookup,
    // The address that was looked at is the one that is used.
    agent: false,
  };
  return new Promise((resolve, reject) => {
    const request = send(url, options, (response) => {
      resolve(response.statusCode ?? 0);
      // What it says beside is not wanted, however long it is.
      response.destroy();
    });
    request.on('error', (error) => reject(failureOf(error)));
    request.end(body);
  });
}

const publicLookup: LookupFunction = (hostname, options, callback) =>
  lookup(hostname, { ...options, all: true }, (error, found) => {
    if (error) return callback(error, []);
    const isRefused = found.some(({ address }) => isPrivate(canonicalAddress(address)));
    if (isRefused) return callback(privateAddress(), []);
    if (options.all) return callback(null, found);
    const [first] = found;
    callback(null, first?.address ?? '', first?.family);
  });

function failureOf(error: Error & { code?: string }): StepFailure {
  if (error instanceof StepFailure) return error;
  return new StepFailure(
    error.name === 'TimeoutError' || error.name === 'AbortError' ? 'did not answer in time' : (error.code ?? 'failed'),
  );
}
