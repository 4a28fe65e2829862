import '../process/node-version.js';
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { configOrExit } from '../config/config-or-exit.js';
import { LEAD_SECONDS, type Rotation, replace, rotate } from '../keys/key-rotation.js';
import { orExit } from '../process/or-exit.js';
import { StartFailure } from '../process/start-failure.js';

const MAX_LEAD_SECONDS = 30 * 24 * 3600;
const USAGE = `Usage: npm run keys:rotate -- [--after SECONDS | --now]
  Publishes the next signing key; it signs after 600 seconds. Keys of which no token can be alive are removed.
  --after SECONDS   it signs after so long; less than 600, and services elsewhere may not know it yet
  --now             for a key that has leaked: a new one signs at once, all others and their tokens count no more`;

const { leadSeconds, now } = options();
const { jwtKeysDir, jwtPrivateKey } = configOrExit('keys:rotate');
const { key, isNew, removed } = await orExit(change());
const signs = key.signsFrom > Date.now() ? `signs from ${new Date(key.signsFrom).toISOString()}` : 'signs now';
console.log(
  isNew ? `Key ${key.kid} (${key.name}) ${signs}.` : `Key ${key.kid} (${key.name}) is there already; it ${signs}.`,
);
if (removed.length > 0) console.log(`Removed: ${removed.join(', ')}`);

async function change(): Promise<Rotation> {
  if (jwtPrivateKey) throw new Error('JWT_PRIVATE_KEY is one fixed key. Put it into a folder and set JWT_KEYS_DIR.');
  try {
    mkdirSync(jwtKeysDir, { recursive: true, mode: 0o700 });
    return now ? replace(jwtKeysDir) : rotate(jwtKeysDir, leadSeconds);
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    throw syscall
      ? new StartFailure(`JWT_KEYS_DIR cannot be used (${code}): set a folder that this user can write to.`)
      : error;
  }
}

function options(): { leadSeconds: number; now: boolean } {
  try {
    const { values } = parseArgs({ options: { after: { type: 'string' }, now: { type: 'boolean', default: false } } });
    const { after, now } = values;
    if (after === undefined) return { leadSeconds: LEAD_SECONDS, now };
    if (!now && /^\d{1,7}$/.test(after) && Number(after) <= MAX_LEAD_SECONDS)
      return { leadSeconds: Number(after), now };
  } catch {
    // Told below.
  }
  console.error(USAGE);
  process.exit(1);
}
