import '../process/node-version.js';
import { parseArgs } from 'node:util';
import { configOrExit } from '../config/config-or-exit.js';
import { type ReplaySelection, replayDeadLetters } from '../events/replay.js';
import { orExit } from '../process/or-exit.js';

const USAGE = `Usage: npm run events:replay -- [--type TYPE] [--since TIME] [--until TIME]
  Brings dead letters back to their queues: all that are events, those of a type, those of a time (RFC 3339).`;

const selection = selectionOrExit();
const { amqpUrls } = configOrExit('events:replay');
if (!amqpUrls) {
  console.error('Without AMQP_URL there are no dead letters.');
  process.exit(1);
}
const { replayed, kept } = await orExit(replayDeadLetters(amqpUrls, selection));
console.log(`Brought back: ${replayed}, left: ${kept}`);

function selectionOrExit(): ReplaySelection {
  try {
    const { values } = parseArgs({
      options: { type: { type: 'string' }, since: { type: 'string' }, until: { type: 'string' } },
    });
    const { type, since, until } = values;
    return { type, since: timeOf('--since', since), until: timeOf('--until', until) };
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(1);
  }
}

function timeOf(option: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{4}-\d\d-\d\dT/.test(text) || Number.isNaN(Date.parse(text)))
    throw new Error(`${option} must be a time such as 2026-11-28T00:00:00Z.`);
  return new Date(text);
}
