import { createHash } from 'node:crypto';
import type { PGlite } from '@electric-sql/pglite';
import type { EntityManager } from '@mikro-orm/postgresql';
import { databaseOptions } from '../../mikro-orm.config.js';
import { IN_MEMORY, migrate, openDatabase } from '../../src/database/database.js';
import { createLog } from '../../src/log.js';
import { seeded } from '../../test/support/random.js';
import { judge, type Query } from '../history.js';
import type { Deliveries } from '../observer.js';
import { OPEN_WORK } from '../settle.js';
import { addressOf, makeUsers } from '../users.js';
import { SimulatedBroker } from './broker.js';
import { Clients } from './clients.js';
import { Clock } from './clock.js';
import { type SimulatedDatabase, simulatedDriver } from './database.js';
import { Faults } from './faults.js';
import { SimulatedMailServer } from './programs.js';
import { World } from './world.js';

const USERS = 3;
/** The last one is deleted by nobody. */
const DELETED = USERS - 1;
const [STORM_SECONDS, GRACE_SECONDS] = [20, 10];
/** More than the longest pauses and leases in a row. */
const SETTLE_SECONDS = 1_200;
const LOOK_SECONDS = 3;
/** In which what was done once could be done again. */
const AFTERWARDS_SECONDS = 5;
const TABLES =
  'users, sessions, mails, mail_tokens, outbox, inbox, deletions, deletion_receipts, erasures, audit_events';

export interface Outcome {
  /** What went wrong: nothing, where every rule was kept. */
  problems: string[];
  faults: ReadonlyMap<string, number>;
  /** What happened, in its order. */
  trace: readonly string[];
  /** Of the trace: two runs of a seed have the same. */
  digest: string;
}

interface Parts {
  clock: Clock;
  em: EntityManager;
  pglite: PGlite;
  database: SimulatedDatabase;
}

/** Everything of one seed. */
interface Run {
  users: string[];
  clients: Clients;
  broker: SimulatedBroker;
  mails: SimulatedMailServer;
}

/** Runs seeds one after the other, each in a world of its own on an empty database. */
export class Simulation {
  readonly #query: Query = (sql, parameters) => this.parts.pglite.query(sql, parameters);

  private constructor(private readonly parts: Parts) {}

  static async open(): Promise<Simulation> {
    const config = { databaseUrl: null, dataDir: IN_MEMORY };
    let database: SimulatedDatabase | undefined;
    const driver = simulatedDriver((made) => {
      database = made;
    });
    const opened = await openDatabase(config, async (given) => ({ ...(await databaseOptions(given)), driver }));
    await migrate(opened, config);
    if (!database) throw new Error('the database was opened by another driver');
    return new Simulation({ clock: new Clock(), em: opened.em, pglite: await database.pglite(), database });
  }

  async run(seed: number): Promise<Outcome> {
    const { clock, em, pglite, database } = this.parts;
    const random = seeded(seed);
    Math.random = random;
    await pglite.exec(
      `truncate ${TABLES}; update audit_chains set position = 0, digest = ''; select setseed(${random()})`,
    );
    const users = await makeUsers(this.#query, USERS);
    const faults = new Faults(clock, random);
    const [broker, mails] = [new SimulatedBroker(faults), new SimulatedMailServer()];
    const errors: string[] = [];
    const log = createLog('error', { write: (line) => void errors.push(line) });
    const deletionGraceSeconds = random() < 0.5 ? 0 : GRACE_SECONDS;
    database.faults = faults;
    const world = new World({ em, broker, mails, faults, log, deletionGraceSeconds }, database);
    const unlisten = await pglite.listen('gatehouse', () => world.tell());
    try {
      const clients = new Clients(world, faults, deletionGraceSeconds > 0);
      const hasSettled = await this.#live(world, clients, users.slice(0, DELETED));
      const problems = [
        ...clients.problems,
        ...errors,
        ...(hasSettled ? [] : ['not settled']),
        ...(await this.#problemsOf({ users, clients, broker, mails })),
      ];
      const { trace, counts } = faults;
      const digest = createHash('sha256').update(trace.join('\n')).digest('hex').slice(0, 16);
      return { problems, faults: counts, trace, digest };
    } finally {
      world.end();
      await unlisten();
      database.faults = null;
    }
  }

  /** Deletes users in a storm, and lets all settle. Answers whether it did. */
  async #live(world: World, clients: Clients, users: string[]): Promise<boolean> {
    let isOver = false;
    void Promise.all([world.storm(STORM_SECONDS), ...users.map((id) => clients.delete(id))]).then(() => {
      isOver = true;
    });
    await this.#pass(SETTLE_SECONDS, async () => isOver);
    const hasSettled = await this.#pass(SETTLE_SECONDS, async () => {
      const [row] = (await this.#query(OPEN_WORK, [])).rows as { open: number }[];
      return row?.open === 0;
    });
    await this.#pass(AFTERWARDS_SECONDS, async () => false);
    return hasSettled;
  }

  /** Lets time pass until `isOver`, which is asked every three seconds. Answers whether it was. */
  async #pass(seconds: number, isOver: () => Promise<boolean>): Promise<boolean> {
    const { clock, database } = this.parts;
    for (let passed = 0; passed < seconds; passed += LOOK_SECONDS) {
      await clock.pass(LOOK_SECONDS * 1000);
      // While a transaction is open, a look would see what is not committed.
      if (database.isFree && (await isOver())) return true;
    }
    return false;
  }

  async #problemsOf({ users, clients, broker, mails }: Run): Promise<string[]> {
    const { asked, accepted, restored } = clients;
    const { lost, phantom, twice, disordered } = await judge(this.#query, users, asked, accepted, seenBy(broker));
    const counted = Object.entries({ lost, phantom, twice, disordered, 'dead letters': broker.dead });
    const told = new Set([...mails.taken, ...mails.refused]);
    return [
      ...counted.flatMap(([kind, found]) => (found.length > 0 ? [`${kind}: ${found.length}`] : [])),
      ...[...accepted].filter((id) => !told.has(addressOf(id))).map(() => 'purged without a mail'),
      ...users.filter((id) => told.has(addressOf(id)) && !asked.has(id)).map(() => 'a mail of no deletion'),
      ...(await Promise.all([...restored].map((id) => this.#problemsOfRestored(id, broker)))).flat(),
    ];
  }

  /** Of an account whose deletion was taken back. */
  async #problemsOfRestored(id: string, broker: SimulatedBroker): Promise<string[]> {
    const { rows } = await this.#query(
      `select deleted_at is null and is_active and email = $2 as "isOpen",
         (select count(*)::int from outbox where subject = $1::text and type = 'user.restored') as told,
         (select count(*)::int from deletions where user_id = $1::uuid) as deletions
       from users where id = $1::uuid`,
      [id, addressOf(id)],
    );
    const [row] = rows as { isOpen: boolean; told: number; deletions: number }[];
    return [
      ...(row?.isOpen && row.deletions === 0 ? [] : ['restored, and not open']),
      ...(row?.told === 1 ? [] : [`restored, and told ${row?.told} times`]),
      ...(seenBy(broker).users.has(id) ? ['restored, and deleted for others'] : []),
    ];
  }
}

/** What another service got of deletions. */
function seenBy({ observed }: SimulatedBroker): Deliveries {
  const found: Deliveries = { byEvent: new Map(), users: new Map() };
  for (const { id, type, subject } of observed) {
    if (type !== 'user.deleted') continue;
    found.byEvent.set(id, (found.byEvent.get(id) ?? 0) + 1);
    found.users.set(subject, (found.users.get(subject) ?? new Set()).add(id));
  }
  return found;
}
