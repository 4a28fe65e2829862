import '../process/node-version.js';
import { databaseOptions } from '../../mikro-orm.config.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { configOrExit } from '../config/config-or-exit.js';
import { assertMigrated, openDatabase } from '../database/database.js';
import { purgeParts } from '../deletion/purge.js';
import { eraseAgain } from '../deletion/replay.js';
import { pepperOf } from '../keys/secrets.js';
import { orExit } from '../process/or-exit.js';

if (process.argv.length > 2) {
  console.error(
    'Usage: npm run deletions:replay   (erases again whom a restored backup brought back, by DELETION_LEDGER)',
  );
  process.exit(1);
}
const config = configOrExit('deletions:replay');
const parts = purgeParts(config, pepperOf(config));
const { ledger } = parts;
if (!ledger) {
  console.error('Without DELETION_LEDGER nobody knows who was erased.');
  process.exit(1);
}
const database = await orExit(openDatabase(config, databaseOptions));
try {
  await orExit(assertMigrated(database));
  const { em } = database;
  const erased = await orExit(eraseAgain(em, new AuditTrail(em, parts.auditDigests), { ...parts, ledger }));
  console.log(`Erased again: ${erased}`);
} finally {
  await database.close();
}
