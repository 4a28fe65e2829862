import { parseArgs } from 'node:util';
import { validate as isUuid } from 'uuid';
import { answers, openRedis, type Redis } from '../cache/redis.js';
import type { Config } from '../config/config.js';
import { canonicalAddress } from '../text/ip-address.js';
import type { Selection } from '../throttle/operator.js';
import { parseEmail } from '../user/email-address.js';

/** Whose counts the command was asked for; null where it was not told. `--all` is a selection that names nobody. */
export function selectionOrExit(usage: string, { isNeeded = false } = {}): Selection | null {
  try {
    const selection = selectionOf();
    if (isNeeded && !selection) throw new Error('Say whose: --account, --network or --all.');
    return selection;
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    process.exit(1);
  }
}

/** @throws {Error} with one line for the operator. */
function selectionOf(): Selection | null {
  const { values } = parseArgs({
    options: { account: { type: 'string' }, network: { type: 'string' }, all: { type: 'boolean', default: false } },
  });
  const { account, network, all } = values;
  if ([account !== undefined, network !== undefined, all].filter(Boolean).length > 1)
    throw new Error('Give one of --account, --network and --all.');
  if (account !== undefined) return { account: accountOf(account) };
  if (network === undefined) return all ? {} : null;
  const address = canonicalAddress(network.replace(/\/\d+$/, ''));
  if (address === null) throw new Error('--network must be an address, such as 192.0.2.1 or 2001:db8::1.');
  return { address };
}

function accountOf(text: string): string {
  if (isUuid(text)) return text.toLowerCase();
  try {
    return parseEmail(text);
  } catch {
    throw new Error('--account must be an e-mail address, or the id of a user or session.');
  }
}

/** @throws {Error} with one line for the operator. */
export async function redisOf({ redis: place }: Config): Promise<Redis> {
  if (!place) throw new Error('Without REDIS_URL the API counts in its memory: restart it, and all limits are as new.');
  const redis = await openRedis(place);
  if (await answers(redis)) return redis;
  await redis.destroy();
  throw new Error('Redis does not answer: REDIS_URL.');
}
