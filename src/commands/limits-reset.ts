import '../process/node-version.js';
import { configOrExit } from '../config/config-or-exit.js';
import { pepperOf } from '../keys/secrets.js';
import { orExit } from '../process/or-exit.js';
import { inOneLine } from '../process/start-failure.js';
import { readCounts, removeCounts } from '../throttle/operator.js';
import { redisOf, selectionOrExit } from './limits-options.js';

const USAGE = `Usage: npm run limits:reset -- --account ADDRESS_OR_ID | --network ADDRESS | --all
  Lets an account, a network or everybody begin anew.`;

const selection = selectionOrExit(USAGE, { isNeeded: true });
const config = configOrExit('limits:reset');
const redis = await orExit(redisOf(config));
try {
  const counts = await readCounts(redis, config.limits, pepperOf(config), selection ?? {});
  console.log(`Removed: ${await removeCounts(redis, counts)} counts`);
} catch (error) {
  console.error(inOneLine(error));
  process.exitCode = 1;
} finally {
  redis.destroy();
}
