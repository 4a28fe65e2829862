import { databaseOptions } from '../../mikro-orm.config.js';
import '../process/node-version.js';
import { AuditDigests } from '../audit/audit-digests.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { configOrExit } from '../config/config-or-exit.js';
import { assertMigrated, openDatabase } from '../database/database.js';
import { pepperOf } from '../keys/secrets.js';
import { orExit } from '../process/or-exit.js';
import { inOneLine } from '../process/start-failure.js';
import { removeOld } from '../retention/retention.js';

if (process.argv.length > 2) {
  console.error('Usage: npm run retention:run   (removes what is older than the settings RETENTION_* say)');
  process.exit(1);
}
const config = configOrExit('retention:run');
const database = await orExit(openDatabase(config, databaseOptions));
try {
  await assertMigrated(database);
  const { em } = database;
  const auditDigests = new AuditDigests(pepperOf(config));
  const audit = new AuditTrail(em, auditDigests);
  const { removed, brokenChains } = await removeOld({ em, audit, auditDigests }, config.retention);
  const counts = Object.entries(removed).map(([kind, count]) => `${kind} ${count}`);
  console.log(`Removed: ${counts.join(', ')}`);
  for (const chain of brokenChains) console.error(`Chain ${chain} of the audit is altered: run npm run audit:verify.`);
  if (brokenChains.length > 0) process.exitCode = 1;
} catch (error) {
  console.error(inOneLine(error));
  process.exitCode = 1;
} finally {
  await database.close();
}
