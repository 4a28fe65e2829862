import { PURGE } from './purge.js';

/**
 * Each step of the deletions that are "owed" becomes due, by names in a parameter of `text[]`. The purge is due when another
 * step is done; the minute is for a process that ends in between.
 */
export const OWE_STEPS = `insert into deletion_receipts (user_id, step, next_attempt_at)
  select user_id, step, case step when '${PURGE}' then now() + interval '1 minute' else now() end
  from owed, unnest(?::text[]) as step on conflict do nothing returning user_id`;
