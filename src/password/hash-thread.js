import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { basename } from 'node:path';
import { compareSync, hashSync } from 'bcrypt';

/** Below the thread that answers requests, which is ready in the time that a hash leaves it. */
const NICE = 10;

// Linux has a priority for each thread, by its number. Elsewhere all threads have that of the process.
try {
  setPriority(Number(basename(readlinkSync('/proc/thread-self'))), NICE);
} catch {}

/** What crosses to this thread loses its class, and bcrypt takes only texts and buffers. */
const inputOf = (input) => (typeof input === 'string' ? input : Buffer.from(input));

export const hash = ({ input, cost }) => hashSync(inputOf(input), cost);

/** Whether the first hash is of the input; where it is not, the others are compared for the time that they take. */
export function compare({ input, hashes: [first, ...others] }) {
  if (compareSync(inputOf(input), first)) return true;
  for (const other of others) compareSync(inputOf(input), other);
  return false;
}
