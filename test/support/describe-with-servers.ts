import { describe, test } from '@jest/globals';
import { findServer, type ServerName } from './servers/find-server.js';

/**
 * Runs where the servers are found. Elsewhere it is skipped and says what is missing, or fails where REQUIRE_SERVERS=1.
 */
export function describeWithServers(names: ServerName[], title: string, body: () => void): void {
  const missing = names.filter((name) => findServer(name) === null);
  if (missing.length === 0) {
    describe(title, body);
    return;
  }
  const why = `missing on this machine: ${missing.join(', ')}`;
  if (process.env.REQUIRE_SERVERS !== '1') {
    describe.skip(`${title} (${why})`, body);
    return;
  }
  describe(title, () => {
    test('its servers are there', () => {
      throw new Error(`REQUIRE_SERVERS=1, and ${why}`);
    });
  });
}
