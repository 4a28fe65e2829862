import { compareSync, hashSync } from 'bcrypt';

/** Runs in a thread of its own. What crosses to it loses its class, and bcrypt takes only texts and buffers. */
const inputOf = (input) => (typeof input === 'string' ? input : Buffer.from(input));

export const hash = ({ input, cost }) => hashSync(inputOf(input), cost);

/** Whether the first hash is of the input; where it is not, the others are compared for the time that they take. */
export function compare({ input, hashes: [first, ...others] }) {
  if (compareSync(inputOf(input), first)) return true;
  for (const other of others) compareSync(inputOf(input), other);
  return false;
}
