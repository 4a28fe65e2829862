import type { Publication } from 'rascal';

/**
 * Resolves on the broker's confirm. A message that no queue takes is returned first and then confirmed all the same,
 * and a connection that closes without an error is only a `close`: both reject.
 */
export function confirmed(publication: Publication): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => () => reject(new Error(why));
    publication.once('success', () => resolve());
    publication.once('return', fail('no queue takes the event'));
    publication.once('close', fail('connection closed before the confirm'));
    publication.once('paused', () => {
      publication.abort();
      reject(new Error('broker takes nothing'));
    });
    // Stays: a late second error without a listener would end the process.
    publication.on('error', reject);
  });
}
