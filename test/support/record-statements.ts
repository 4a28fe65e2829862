import type { Database } from '../../src/database/database.js';

/** Each statement that the database is sent from now on, as MikroORM logs it: with `?` for its parameters. */
export function recordStatements({ orm }: Pick<Database, 'orm'>): string[] {
  const statements: string[] = [];
  const logger = orm.config.getLogger();
  logger.setDebugMode(['query']);
  logger.logQuery = ({ query }) => void statements.push(query ?? '');
  return statements;
}
