/** Why a process cannot start, in one line that names the setting and the mend, and holds no secret. */
export class StartFailure extends Error {
  override name = 'StartFailure';
}

export const unusableDataDir = (why = 'unknown') =>
  new StartFailure(`DATA_DIR cannot be used (${why}): set a folder that this user can write to.`);

/** By PostgreSQL's code. */
const DATABASE_MENDS: Partial<Record<string, string>> = {
  '25006': 'leads to a server that takes no writes: use the primary, or end its read-only mode.',
  '42501': 'has a user without the right to do what is needed: let it own its schema, or use another.',
  '55P03': 'has a table that another transaction holds: end that one, and run this again.',
  '53100': 'leads to a server whose disk is full: make room there.',
  '42P01': 'leads to a database without our tables: run npm run migrate.',
};

/**
 * Any failure of a start in one line. A database error's own message holds the statement with its values, so its code
 * stands for it.
 */
export function inOneLine(error: unknown): string {
  if (!(error instanceof Error)) return 'The start failed.';
  const { code = '' } = error as Error & { code?: string };
  if (/^[0-9A-Z]{5}$/.test(code) || error.name.endsWith('Exception'))
    return `DATABASE_URL ${DATABASE_MENDS[code] ?? `leads to a database that refused a statement (${code || error.name}): see its log.`}`;
  return error.message.split('\n', 1)[0] || error.name;
}
