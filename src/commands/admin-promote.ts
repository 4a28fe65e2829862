import { databaseOptions } from '../../mikro-orm.config.js';
import '../process/node-version.js';
import { promoteToAdmin } from '../account/first-admin.js';
import { AuditDigests } from '../audit/audit-digests.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { configOrExit } from '../config/config-or-exit.js';
import { assertMigrated, openDatabase } from '../database/database.js';
import { pepperOf } from '../keys/secrets.js';
import { orExit } from '../process/or-exit.js';
import { inOneLine } from '../process/start-failure.js';

const [email, ...more] = process.argv.slice(2);
if (!email || email.startsWith('-') || more.length > 0) {
  console.error('Usage: npm run admin:promote -- ada@example.com   (makes an admin of the account with this address)');
  process.exit(1);
}
const config = configOrExit('admin:promote');
const database = await orExit(openDatabase(config, databaseOptions));
try {
  await assertMigrated(database);
  const audit = new AuditTrail(database.em, new AuditDigests(pepperOf(config)));
  const { id, isNew } = await promoteToAdmin(audit, email);
  console.log(`${isNew ? 'Admin now' : 'Admin already'}: ${id}`);
} catch (error) {
  console.error(inOneLine(error));
  process.exitCode = 1;
} finally {
  await database.close();
}
