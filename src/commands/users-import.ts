import { databaseOptions } from '../../mikro-orm.config.js';
import '../process/node-version.js';
import { open } from 'node:fs/promises';
import { AuditDigests } from '../audit/audit-digests.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { configOrExit } from '../config/config-or-exit.js';
import { assertMigrated, openDatabase } from '../database/database.js';
import { importUsers } from '../import/import.js';
import { ErasedMarks } from '../keys/erased-marks.js';
import { pepperOf } from '../keys/secrets.js';
import { orExit } from '../process/or-exit.js';
import { StartFailure } from '../process/start-failure.js';
import { linesOf } from '../text/lines.js';

/** Several times what a line with every field at its longest needs. */
const MAX_LINE_BYTES = 10_000;

const options = process.argv.slice(2);
const strict = options.includes('--strict');
const [path, ...more] = options.filter((option) => option !== '--strict');
if (!path || path.startsWith('--') || more.length > 0) {
  console.error(
    'Usage: npm run users:import -- [--strict] users.jsonl   (a line each: {"email", "name", "passwordHash"}, and where known "role", "createdAt", "isActive", "emailVerified", "externalId"; --strict refuses lines with other fields)',
  );
  process.exit(1);
}
const config = configOrExit('users:import');
const file = await orExit(opened(path));
const database = await orExit(openDatabase(config, databaseOptions));
try {
  await assertMigrated(database);
  await run();
} catch (error) {
  // Its own message may hold a statement with values.
  const { code, name } = error as { code?: string; name?: string };
  fail(
    error instanceof StartFailure
      ? error.message
      : `The import stopped (${code ?? name}). What was imported is kept: repeat the command to go on.`,
  );
} finally {
  await database.close();
}

async function run(): Promise<void> {
  const lines = linesOf(file.createReadStream(), MAX_LINE_BYTES);
  const pepper = pepperOf(config);
  const audit = new AuditTrail(database.em, new AuditDigests(pepper));
  const marks = new ErasedMarks(pepper);
  const { imported, alreadyThere, refused, unknown } = await importUsers(audit, lines, fail, marks, strict);
  const names = [...unknown].map(([name, count]) => `${name} (${count})`);
  if (names.length > 0) console.log(`Unknown fields, left out: ${names.join(', ')}`);
  console.log(`Imported: ${imported}, already there: ${alreadyThere}, refused: ${refused}`);
}

function fail(complaint: string): void {
  console.error(complaint);
  process.exitCode = 1;
}

async function opened(path: string) {
  const unreadable = (code: unknown) => new Error(`The file ${path} cannot be read (${code}).`);
  const file = await open(path).catch((error) => {
    throw unreadable(error.code);
  });
  if ((await file.stat()).isDirectory()) throw unreadable('EISDIR');
  return file;
}
