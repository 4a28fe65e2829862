import type { PGlite } from '@electric-sql/pglite';
import type { Configuration } from '@mikro-orm/core';
import { PgliteConnection, PgliteDriver } from '@mikro-orm/pglite';
import { type CompiledQuery, type DatabaseConnection, type Driver, PostgresAdapter } from 'kysely';
import type { Faults } from './faults.js';
import { never, SimulatedProcess } from './simulated-process.js';

const NOTED_LENGTH = 90;
/** Ids are of no seed, and which chain of audit events is taken has no effect. */
const withoutValues = (sql: string) =>
  sql
    .replaceAll(/'[^']*'|\b\d+(\.\d+)?\b/g, '?')
    .replaceAll(/\s+/g, ' ')
    .slice(0, NOTED_LENGTH);

/** As the driver of PostgreSQL says it. */
const connectionLost = () => new Error('Connection terminated unexpectedly');

/**
 * The embedded database as several processes see it over a network. It has one connection, so transactions run one after
 * the other: each waits for its turn. What two do at the same time is for the tests on PostgreSQL.
 */
export class SimulatedDatabase {
  readonly #waiting: { session: Session; go: () => void }[] = [];
  #holder: Session | null = null;
  faults: Faults | null = null;
  isAway = false;

  constructor(readonly pglite: () => Promise<PGlite>) {}

  driver(): Driver {
    const session = (connection: DatabaseConnection) => connection as Session;
    return {
      init: async () => undefined,
      acquireConnection: async () => new Session(this, SimulatedProcess.current()),
      beginTransaction: (connection) => session(connection).begin(),
      commitTransaction: (connection) => session(connection).end('commit'),
      rollbackTransaction: (connection) => session(connection).end('rollback'),
      releaseConnection: async () => undefined,
      destroy: async () => (await this.pglite()).close(),
    };
  }

  /** No transaction is open, and no statement under way. */
  get isFree(): boolean {
    return this.#holder === null;
  }

  takeTurn(session: Session): Promise<void> {
    if (!this.#holder) {
      this.#holder = session;
      return Promise.resolve();
    }
    return new Promise((go) => this.#waiting.push({ session, go }));
  }

  endTurn(session: Session): void {
    if (this.#holder !== session) return;
    this.#holder = null;
    const next = this.#waiting.shift();
    if (!next) return;
    this.#holder = next.session;
    next.go();
  }

  /** Its server ends: what was not committed is undone. */
  goAway(): void {
    this.isAway = true;
    this.#holder?.lose();
  }
}

/** A connection of one process; without one, of the simulation itself, which nothing disturbs. */
class Session implements DatabaseConnection {
  #inTransaction = false;
  #isRunning = false;
  #isLost = false;

  constructor(
    private readonly database: SimulatedDatabase,
    private readonly process: SimulatedProcess | undefined,
  ) {
    process?.onKilled(() => this.lose());
  }

  async begin(): Promise<void> {
    await this.#statement('begin', [], () => {
      this.#inTransaction = true;
    });
  }

  async end(how: 'commit' | 'rollback'): Promise<void> {
    await this.#statement(how, [], () => {
      this.#inTransaction = false;
    });
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery) {
    const { rows, affectedRows } = await this.#statement(sql, [...parameters]);
    return { rows: rows as R[], numAffectedRows: affectedRows === undefined ? undefined : BigInt(affectedRows) };
  }

  streamQuery(): AsyncIterableIterator<never> {
    throw new Error('nothing of it reads streams');
  }

  /** The connection ends. A statement that runs is done to its end, as a server does it. */
  lose(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    if (!this.#isRunning) void this.#endTurn();
  }

  async #statement(sql: string, parameters: unknown[], done = () => {}) {
    await this.#moment();
    if (!this.#inTransaction) await this.database.takeTurn(this);
    // Killed or cut while it waited for its turn.
    if (this.#isLost) {
      await this.#endTurn();
      return this.#fail();
    }
    this.#isRunning = true;
    const result = await this.#run(sql, parameters).finally(() => {
      this.#isRunning = false;
      done();
      return this.#isLost || !this.#inTransaction ? this.#endTurn() : undefined;
    });
    // Done there, and perhaps not known here.
    await this.#moment();
    return result;
  }

  /** A transaction that is open is undone before another has its turn. */
  async #endTurn(): Promise<void> {
    if (this.#inTransaction) {
      this.#inTransaction = false;
      await this.#run('rollback', []);
    }
    this.database.endTurn(this);
  }

  async #run(sql: string, parameters: unknown[]) {
    this.database.faults?.note(withoutValues(sql));
    const pglite = await this.database.pglite();
    // Its clock is not that of the process.
    return SimulatedProcess.outside(() => pglite.query(sql, parameters, { rowMode: 'object' }));
  }

  async #moment(): Promise<void> {
    const { process, database } = this;
    if (!process || !database.faults) return;
    await database.faults.moment(process);
    if (database.isAway || database.faults.happens('cut')) this.lose();
    if (this.#isLost) await this.#fail();
  }

  #fail(): Promise<never> {
    if (this.process?.isKilled) return never();
    throw connectionLost();
  }
}

/** For MikroORM: the embedded database, reached through `SimulatedDatabase`. */
export function simulatedDriver(made: (database: SimulatedDatabase) => void): typeof PgliteDriver {
  class SimulatedConnection extends PgliteConnection {
    override createKyselyDialect(options: Parameters<PgliteConnection['createKyselyDialect']>[0]) {
      const dialect = super.createKyselyDialect(options);
      const database = new SimulatedDatabase(() => this.getNativeClient());
      made(database);
      // That of PGlite has Kysely lend one connection at a time, to all processes together.
      const createAdapter = () => new PostgresAdapter();
      return Object.assign(dialect, { createAdapter, createDriver: () => database.driver() });
    }
  }
  return class extends PgliteDriver {
    constructor(config: Configuration) {
      super(config);
      Object.assign(this, { connection: new SimulatedConnection(config) });
    }
  };
}
