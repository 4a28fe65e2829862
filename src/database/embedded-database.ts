import type { Configuration } from '@mikro-orm/core';
import { PgliteConnection, PgliteDriver } from '@mikro-orm/pglite';
import type { DatabaseConnection, Driver } from 'kysely';

/** Folder name of the embedded database that lives in memory and ends with its process. */
export const IN_MEMORY = 'memory://';

/**
 * PGlite has one connection, and its Kysely driver lends it to everybody at once: a statement of one request would run
 * in the transaction of another, and be rolled back with it. Here each waits for its turn, which for a transaction
 * lasts until its end.
 */
export class EmbeddedDriver extends PgliteDriver {
  constructor(config: Configuration) {
    super(config);
    Object.assign(this, { connection: new OneAtATimeConnection(config) });
  }
}

class OneAtATimeConnection extends PgliteConnection {
  override createKyselyDialect(options: Parameters<PgliteConnection['createKyselyDialect']>[0]) {
    const dialect = super.createKyselyDialect(options);
    const createDriver = dialect.createDriver.bind(dialect);
    return Object.assign(dialect, { createDriver: () => oneAtATime(createDriver()) });
  }
}

function oneAtATime(driver: Driver): Driver {
  const acquire = driver.acquireConnection.bind(driver);
  let lastTurn = Promise.resolve();
  let endTurn = () => {};
  return Object.assign(driver, {
    async acquireConnection(): Promise<DatabaseConnection> {
      const turnBefore = lastTurn;
      const { promise, resolve } = Promise.withResolvers<void>();
      lastTurn = promise;
      await turnBefore;
      endTurn = resolve;
      return acquire();
    },
    async releaseConnection(): Promise<void> {
      endTurn();
    },
  });
}
