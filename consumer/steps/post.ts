import { lookup } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { canonicalAddress, isWithin } from '../../src/text/ip-address.js';
import { StepFailure } from './step-failure.js';

const TIMEOUT_MS = 15_000;
const MAX_ANSWER_LENGTH = 4_000;

/** Addresses that lead to the own machine or network, or nowhere (RFC 6890 and its successors). */
const isPrivate = isWithin([
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/3'],
  ...['::/127', '64:ff9b::/96', '64:ff9b:1::/48', '2001:db8::/32', '2002::/16', 'fc00::/7', 'fe80::/10', 'ff00::/8'],
]);

export interface Answer {
  status: number;
  /** Its beginning: no more than 4,000 characters are read. */
  body: string;
}

/**
 * Sends `body` by POST. An address within the own network is refused, also where a name leads to it (OWASP, Server-Side
 * Request Forgery), unless `allowsPrivate`; redirects are not followed.
 * @throws {StepFailure}
 */
export function post(url: URL, body: string, allowsPrivate: boolean, headers: Record<string, string>): Promise<Answer> {
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
      const answer: Answer = { status: response.statusCode ?? 0, body: '' };
      response.setEncoding('utf8').on('data', (text: string) => {
        answer.body = (answer.body + text).slice(0, MAX_ANSWER_LENGTH);
        if (answer.body.length < MAX_ANSWER_LENGTH) return;
        resolve(answer);
        response.destroy();
      });
      response.on('end', () => resolve(answer));
      response.on('error', (error) => reject(failureOf(error)));
    });
    request.on('error', (error) => reject(failureOf(error)));
    // Without a listener Node.js ends the request in silence.
    request.on('upgrade', ({ statusCode }, socket) => {
      reject(new StepFailure(`answered ${statusCode}`));
      socket.destroy();
    });
    request.end(body);
  });
}

const privateAddress = () => new StepFailure('leads to a private address');

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
