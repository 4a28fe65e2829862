import '../process/node-version.js';
import { configOrExit } from '../config/config-or-exit.js';
import { pepperOf } from '../keys/secrets.js';
import { orExit } from '../process/or-exit.js';
import { inOneLine } from '../process/start-failure.js';
import { isReached, readCounts } from '../throttle/operator.js';
import { redisOf, selectionOrExit } from './limits-options.js';

const USAGE = `Usage: npm run limits:show -- [--account ADDRESS_OR_ID | --network ADDRESS | --all]
  Shows the limits that are reached; of an account, a network or all of them, every count.`;

const selection = selectionOrExit(USAGE);
const config = configOrExit('limits:show');
const redis = await orExit(redisOf(config));
try {
  const counts = (await readCounts(redis, config.limits, pepperOf(config), selection ?? {})).filter(
    (count) => selection !== null || isReached(count),
  );
  for (const { name, of, count, most, secondsLeft } of counts)
    console.log(`${name} ${of}: ${most === null ? 'waits' : `${count} of ${most}`}, ${secondsLeft} s left`);
  if (counts.length === 0) console.log(selection ? 'Nothing is counted.' : 'No limit is reached.');
} catch (error) {
  console.error(inOneLine(error));
  process.exitCode = 1;
} finally {
  redis.destroy();
}
