/** Each step of the deletions that are "owed" becomes due, by names in a parameter of `text[]`. */
export const OWE_STEPS = `insert into deletion_receipts (user_id, step)
  select user_id, step from owed, unnest(?::text[]) as step on conflict do nothing returning user_id`;
