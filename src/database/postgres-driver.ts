import type { Configuration } from '@mikro-orm/core';
import { PostgreSqlConnection, PostgreSqlDriver } from '@mikro-orm/postgresql';
import type { Driver, PostgresDialect } from 'kysely';
import { outageOf } from './outage.js';

/**
 * Kysely lends a connection to a transaction, and takes it back only after a `commit` or `rollback` that succeeds
 * (kysely-org/kysely#1990). Each transaction that is open while the database goes away would keep one of the pool for as
 * long as the process lives. Here a lost connection goes back, and the pool throws it away.
 */
export class PooledPostgresDriver extends PostgreSqlDriver {
  constructor(config: Configuration) {
    super(config);
    Object.assign(this, {
      connection: new PooledConnection(config),
      replicas: this.createReplicas((options) => new PooledConnection(config, options, 'read')),
    });
  }
}

class PooledConnection extends PostgreSqlConnection {
  override createKyselyDialect(options: Parameters<PostgreSqlConnection['createKyselyDialect']>[0]): PostgresDialect {
    // MikroORM reads neither `sslmode` nor any other parameter of a URL, nor an address of IPv6: the pool reads all of it.
    const connectionString = this.options.clientUrl ?? this.config.get('clientUrl');
    const dialect = super.createKyselyDialect({ ...options, connectionString });
    const createDriver = dialect.createDriver.bind(dialect);
    return Object.assign(dialect, { createDriver: () => givingBack(createDriver()) });
  }
}

function givingBack(driver: Driver): Driver {
  const begin = driver.beginTransaction.bind(driver);
  const rollback = driver.rollbackTransaction.bind(driver);
  return Object.assign(driver, {
    async beginTransaction(...[connection, settings]: Parameters<typeof begin>) {
      await begin(connection, settings).catch(async (error) => {
        await driver.releaseConnection(connection);
        throw error;
      });
    },
    async rollbackTransaction(connection: Parameters<typeof rollback>[0]) {
      await rollback(connection).catch((error) => {
        // With the connection the server has ended the transaction. Any other error may have left it open.
        if (!outageOf(error)) throw error;
      });
    },
  });
}
