import '../node-version.js';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { AuditDigests } from '../audit/audit-digests.js';
import { AuditTrail, COMMAND } from '../audit/audit-trail.js';
import { Passwords } from '../auth/password.js';
import { openDatabase } from '../database.js';
import { IdentityError } from '../errors.js';
import { configOrExit, orExit } from '../process.js';
import { pepperOf } from '../secrets.js';
import { createAdmin } from '../user/first-admin.js';

const [email] = process.argv.slice(2);
if (!email) {
  console.error(
    'Usage: npm run admin:create -- admin@example.com   (the password comes from the terminal or standard input)',
  );
  process.exit(1);
}
const config = configOrExit('admin:create');
const database = await orExit(openDatabase(config));
try {
  const pepper = pepperOf(config);
  const passwords = new Passwords({ pepper, cost: config.bcryptCost, minLength: 12 });
  const password = passwords.check(await readPassword(), 'The password', [email]);
  const audit = new AuditTrail(database.em, new AuditDigests(pepper), () => COMMAND);
  const { id } = await createAdmin(database.em, audit, passwords, { email, password });
  console.log(`Admin made: ${id}`);
} catch (error) {
  console.error(error instanceof IdentityError || error instanceof Error ? error.message : 'The admin was not made.');
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
