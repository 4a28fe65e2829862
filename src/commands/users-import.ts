import '../node-version.js';
import { open } from 'node:fs/promises';
import { AuditDigests } from '../audit/audit-digests.js';
import { AuditTrail, COMMAND } from '../audit/audit-trail.js';
import { openDatabase, pendingMigrations } from '../database.js';
import { linesOf } from '../lines.js';
import { configOrExit, orExit } from '../process.js';
import { pepperOf } from '../secrets.js';
import { importUsers } from '../user/import.js';

/** Several times what a line with every field at its longest needs. */
const MAX_LINE_BYTES = 10_000;

const [path, ...more] = process.argv.slice(2);
if (!path || more.length > 0) {
  console.error(
    'Usage: npm run users:import users.jsonl   (a line each: {"email", "name", "passwordHash"}, and where known "role", "createdAt", "isActive")',
  );
  process.exit(1);
}
const config = configOrExit('users:import');
const file = await orExit(opened(path));
const database = await orExit(openDatabase(config));
try {
  if ((await pendingMigrations(database)).length > 0) fail('Migrations are pending: run npm run migrate.');
  else await run();
} catch (error) {
  // Its own message may hold a statement with values.
  const { code, name } = error as { code?: string; name?: string };
  fail(`The import stopped (${code ?? name}). What was imported is kept: repeat the command to go on.`);
} finally {
  await database.close();
}

async function run(): Promise<void> {
  const lines = linesOf(file.createReadStream(), MAX_LINE_BYTES);
  const audit = new AuditTrail(database.em, new AuditDigests(pepperOf(config)), () => COMMAND);
  const { imported, alreadyThere, refused } = await importUsers(database.em, audit, lines, fail);
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
