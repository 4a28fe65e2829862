/**
 * The first statement of a migration that changes a table which is there. While it waits for others that use the table,
 * whatever comes after it waits, too: it gives up soon, and `migrate` tries the migration again.
 */
export const SHORT_LOCKS = `set local lock_timeout = '100ms'`;
