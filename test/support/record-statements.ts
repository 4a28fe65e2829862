import type { Database } from '../../src/database/database.js';

/** Each statement that the database is sent from now on, as MikroORM logs it: with `?` for its parameters. */
export function recordStatements({ orm }: Pick<Database, 'orm'>): string[] {
  const statements: string[] = [];
  const logger = orm.config.getLogger();
  logger.setDebugMode(['query']);
  logger.logQuery = ({ query }) => void statements.push(query ?? '');
  return statements;
}

export type SentStatement = [query: string, params: readonly unknown[]];

/** The statements like `pattern` that are sent while `work` goes on, each with its parameters. */
export async function statementsOf(
  { orm }: Pick<Database, 'orm'>,
  pattern: RegExp,
  work: (soFar: readonly SentStatement[]) => Promise<unknown>,
): Promise<SentStatement[]> {
  const statements: SentStatement[] = [];
  const logger = orm.config.getLogger();
  const logQuery = logger.logQuery;
  logger.logQuery = ({ query = '', params = [] }) => {
    if (pattern.test(query)) statements.push([query, params]);
  };
  try {
    await work(statements);
  } finally {
    logger.logQuery = logQuery;
  }
  return statements;
}
