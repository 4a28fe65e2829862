import '../node-version.js';
import { migrate, openDatabase } from '../database.js';
import { configOrExit, orExit } from '../process.js';

const config = configOrExit('migrate');
const database = await orExit(openDatabase(config));
try {
  const down = process.argv[2] === 'down';
  const names = down ? (await database.orm.migrator.down()).map(({ name }) => name) : await migrate(database, config);
  console.log(
    names.length > 0 ? `${down ? 'Taken back' : 'Migrated'}: ${names.join(', ')}` : 'The schema is up to date.',
  );
} finally {
  await database.close();
}
