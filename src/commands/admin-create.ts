import { databaseOptions } from '../../mikro-orm.config.js';
import '../process/node-version.js';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { createAdmin } from '../account/first-admin.js';
import { AuditDigests } from '../audit/audit-digests.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { ADMIN_MIN_LENGTH, ADMIN_NAME } from '../config/config.js';
import { configOrExit } from '../config/config-or-exit.js';
import { assertMigrated, openDatabase } from '../database/database.js';
import { pepperOf } from '../keys/secrets.js';
import { wordsOf } from '../password/new-password.js';
import { Passwords } from '../password/password.js';
import { orExit } from '../process/or-exit.js';
import { inOneLine } from '../process/start-failure.js';

const [email, ...more] = process.argv.slice(2);
if (!email || email.startsWith('-') || more.length > 0) {
  console.error(
    'Usage: npm run admin:create -- admin@example.com   (the password comes from the terminal or standard input)',
  );
  process.exit(1);
}
const config = configOrExit('admin:create');
const database = await orExit(openDatabase(config, databaseOptions));
try {
  await assertMigrated(database);
  const pepper = pepperOf(config);
  const passwords = new Passwords({
    pepper,
    cost: config.bcryptCost,
    minLength: Math.max(ADMIN_MIN_LENGTH, config.passwordMinLength),
  });
  const password = passwords.check(await readPassword(), 'The password', wordsOf({ email, name: ADMIN_NAME }));
  const audit = new AuditTrail(database.em, new AuditDigests(pepper));
  const { id } = await createAdmin(audit, passwords, { email, password });
  console.log(`Admin made: ${id}`);
} catch (error) {
  console.error(inOneLine(error));
  process.exitCode = 1;
} finally {
  await database.close();
}

/** One line of standard input; from a terminal without an echo. */
async function readPassword(): Promise<string> {
  const { stdin, stdout } = process;
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  if (stdin.isTTY) stdout.write('Password: ');
  const lines = createInterface({ input: stdin, output: stdin.isTTY ? silent : undefined, terminal: stdin.isTTY });
  for await (const line of lines) {
    lines.close();
    if (stdin.isTTY) stdout.write('\n');
    return line;
  }
  throw new Error('There was no password on standard input.');
}
