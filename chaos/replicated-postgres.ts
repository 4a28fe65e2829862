import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../test/support/eventually.js';
import { select } from '../test/support/processes.js';
import { databaseOn, startPostgres, startReplica } from '../test/support/servers/postgres.js';
import type { Server } from '../test/support/servers/private-server.js';
import { Disk } from './disk.js';

/** A server with its disk, which is null where none can be mounted. */
interface Node {
  server: Server;
  disk: Disk | null;
}

/** A primary and a standby that has each commit before it is confirmed. */
export class ReplicatedPostgres {
  #primary: Node;
  #standby: Node | null = null;

  /** With a fresh, empty database. */
  static async start(): Promise<ReplicatedPostgres> {
    const disk = Disk.mount();
    const server = await startPostgres({ parent: disk?.path });
    const database = await server.createDatabase();
    // The servers of tests answer before a commit is written: here they are killed.
    const name = new URL(database).pathname.slice(1);
    await select(server.url, `alter database ${name} set synchronous_commit = on`);
    // A standby that was away while its primary crashed may need what that would have removed by then.
    await select(server.url, `alter system set wal_keep_size = '1GB'`);
    await select(server.url, 'select pg_reload_conf()');
    const postgres = new ReplicatedPostgres({ server, disk }, database);
    await postgres.#addStandby();
    return postgres;
  }

  private constructor(
    primary: Node,
    private readonly database: string,
  ) {
    this.#primary = primary;
  }

  /** Of the primary, which is another one after a promotion. */
  get server(): Server {
    return this.#primary.server;
  }

  get disk(): Disk | null {
    return this.#primary.disk;
  }

  /** The address of the database on the primary. */
  get url(): string {
    return databaseOn(this.server, this.database);
  }

  get port(): number {
    return Number(new URL(this.server.url).port);
  }

  /** The primary is killed, and does not come back: the standby takes its place, and gets a standby of its own. */
  async promote(): Promise<void> {
    await this.#waitForStandby();
    const [lost, promoted] = [this.#primary, this.#standby as Node];
    await lost.server.crash();
    await select(promoted.server.url, 'select pg_promote()');
    await select(promoted.server.url, 'alter system reset synchronous_standby_names');
    await select(promoted.server.url, 'select pg_reload_conf()');
    this.#primary = promoted;
    this.#standby = null;
    await remove(lost);
    await this.#addStandby();
  }

  /** Nothing can be written for this time. A server that has ended for it is started again. */
  async fillDisk(ms: number): Promise<void> {
    await this.disk?.fill();
    await delay(ms);
    this.disk?.makeRoom();
    await select(this.server.url, 'create temporary table room (id int)').catch(async () => {
      await this.server.crash();
      await this.server.resume();
    });
  }

  async stop(): Promise<void> {
    await Promise.all([this.#primary, this.#standby].map((node) => node && remove(node)));
  }

  async #addStandby(): Promise<void> {
    const disk = Disk.mount();
    const server = await startReplica(this.server, disk?.path);
    this.#standby = { server, disk };
    // It looks for its primary every five seconds otherwise, and commits wait for it.
    await select(server.url, `alter system set wal_retrieve_retry_interval = '200ms'`);
    await select(server.url, 'select pg_reload_conf()');
    await select(this.server.url, `alter system set synchronous_standby_names = '*'`);
    await select(this.server.url, 'select pg_reload_conf()');
    await this.#waitForStandby();
  }

  /** Until it has all that was committed before, and commits wait for it. */
  async #waitForStandby(): Promise<void> {
    const [row] = await select(this.server.url, 'select pg_current_wal_flush_lsn() as lsn');
    await eventually(async () => {
      const [standby] = await select(
        this.server.url,
        `select flush_lsn >= '${row?.lsn}'::pg_lsn and sync_state = 'sync' as "isCurrent", state, sync_state, flush_lsn
         from pg_stat_replication`,
      );
      if (!standby?.isCurrent) throw new Error(`the standby is not at ${row?.lsn}: ${JSON.stringify(standby)}`);
    });
  }
}

async function remove({ server, disk }: Node): Promise<void> {
  await server.stop();
  await disk?.unmount();
}
