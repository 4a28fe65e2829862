import { databaseOptions } from '../../mikro-orm.config.js';
import '../process/node-version.js';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { AuditDigests } from '../audit/audit-digests.js';
import { type Head, verifyAudit } from '../audit/verify.js';
import { configOrExit } from '../config/config-or-exit.js';
import { assertMigrated, openDatabase } from '../database/database.js';
import { pepperOf } from '../keys/secrets.js';
import { orExit } from '../process/or-exit.js';
import { StartFailure } from '../process/start-failure.js';

const USAGE = `Usage: npm run audit:verify -- [--heads FILE]
  Finds the first audit event of each chain that was altered, or is missing and was not removed by retention. Ends with 0 if there is none, else with 1.
  --heads FILE   where the ends of the chains are kept, best on another machine: also finds newest events that were cut off since`;

const headsFile = option();
const config = configOrExit('audit:verify');
const known = await orExit(knownHeads());
const database = await orExit(openDatabase(config, databaseOptions));
try {
  await assertMigrated(database);
  const { events, removed, heads, breaks } = await verifyAudit(database.em, new AuditDigests(pepperOf(config)), known);
  for (const { chain, position, what } of breaks) console.error(`Chain ${chain}: event ${position} ${what}.`);
  if (breaks.length > 0) process.exitCode = 1;
  else {
    const older = removed > 0 ? ` Retention removed ${removed} older ones.` : '';
    console.log(`Verified: ${events} events in ${heads.length} chains.${older}`);
    if (headsFile) keep(heads, headsFile);
  }
} catch (error) {
  // Its own message may hold a statement with values.
  const { code, name } = error as { code?: string; name?: string };
  console.error(error instanceof StartFailure ? error.message : `The audit could not be verified (${code ?? name}).`);
  process.exitCode = 1;
} finally {
  await database.close();
}

function option(): string | undefined {
  try {
    const { heads } = parseArgs({ options: { heads: { type: 'string' } } }).values;
    // Of a variable that is not set: without a file nothing would be compared.
    if (heads !== '') return heads;
  } catch {
    // Told below.
  }
  console.error(USAGE);
  process.exit(1);
}

async function knownHeads(): Promise<Head[]> {
  if (!headsFile || !existsSync(headsFile)) return [];
  const isHead = (head: Partial<Head> | null) =>
    Number.isInteger(head?.chain) && Number.isInteger(head?.position) && typeof head?.digest === 'string';
  try {
    const heads: unknown = JSON.parse(readFileSync(headsFile, 'utf8'));
    if (Array.isArray(heads) && heads.every(isHead)) return heads;
  } catch {
    // Told below.
  }
  throw new Error(`The file ${headsFile} does not hold the ends of the chains.`);
}

function keep(heads: Head[], path: string): void {
  if (!existsSync(path)) console.log(`${path} is new: the ends of the chains are compared from the next time on.`);
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(heads, null, 1)}\n`);
  renameSync(draft, path);
}
