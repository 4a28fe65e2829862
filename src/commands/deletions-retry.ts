import '../process/node-version.js';
import { parseArgs } from 'node:util';
import { raw } from '@mikro-orm/core';
import { databaseOptions } from '../../mikro-orm.config.js';
import { configOrExit } from '../config/config-or-exit.js';
import { assertMigrated, openDatabase } from '../database/database.js';
import { DeletionReceipt, ReceiptStatus } from '../deletion/deletion.entity.js';
import { orExit } from '../process/or-exit.js';
import { canonicalUuid } from '../text/uuid.js';

const USAGE = `Usage: npm run deletions:retry -- [--user ID] [--step NAME]
  Has steps of deletions tried again that are FAILED: all of them, those of one user, those of one step.`;

const where = selectionOrExit();
const config = configOrExit('deletions:retry');
const database = await orExit(openDatabase(config, databaseOptions));
try {
  await orExit(assertMigrated(database));
  const count = await orExit(
    database.em.nativeUpdate(
      DeletionReceipt,
      { ...where, status: ReceiptStatus.FAILED },
      { status: ReceiptStatus.PENDING, attempts: 0, nextAttemptAt: raw('now()') },
    ),
  );
  console.log(`Steps to be tried again: ${count}`);
} finally {
  await database.close();
}

function selectionOrExit(): { userId?: string; step?: string } {
  try {
    const { values } = parseArgs({ options: { user: { type: 'string' }, step: { type: 'string' } } });
    const { user, step } = values;
    return { ...(user !== undefined && { userId: canonicalUuid(user) }), ...(step !== undefined && { step }) };
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(1);
  }
}
