import type { TestApp } from './app.js';
import { clientFrom } from './client-from.js';
import { PASSWORD } from './people.js';

/**
 * Takes all places that the network of an address has in the queue of hashes, until what it returns is called: each hash
 * that ends is followed by another before anybody else's turn.
 */
export function fillTheQueue({ passwords }: Pick<TestApp, 'passwords'>, address: string): () => void {
  let left = false;
  const waiter = async () => {
    while (!left) await passwords.hash(clientFrom(address), PASSWORD);
  };
  // Those that find no place are refused, as they should be.
  for (let waiting = 0; waiting < 60; waiting += 1) waiter().catch(() => undefined);
  return () => {
    left = true;
  };
}
