import { setTimeout as delay } from 'node:timers/promises';
import type { SimulatedBroker } from './broker.js';
import type { SimulatedDatabase } from './database.js';
import type { Faults } from './faults.js';
import { SimulatedApi, SimulatedConsumer, type SimulatedMailServer, type Surroundings } from './programs.js';
import type { SimulatedProcess } from './simulated-process.js';

const [RESTART_MS, OUTAGE_MS, CALM_MS, NOTIFICATION_MS] = [3_000, 8_000, 10_000, 20];
const CLOCK_MS = 3_600_000;

/** Two APIs and two consumers, each started again when it is killed, and the servers that they use. */
export class World {
  readonly #apis: SimulatedApi[] = [];
  readonly #consumers: SimulatedConsumer[] = [];
  readonly #broker: SimulatedBroker;
  readonly #mails: SimulatedMailServer;
  readonly #faults: Faults;
  #isOver = false;

  constructor(
    surroundings: Surroundings,
    private readonly database: SimulatedDatabase,
  ) {
    ({ broker: this.#broker, mails: this.#mails, faults: this.#faults } = surroundings);
    for (const index of [0, 1]) {
      this.#keepRunning(this.#apis, index, () => new SimulatedApi(`API ${index}`, surroundings));
      this.#keepRunning(this.#consumers, index, () => new SimulatedConsumer(`consumer ${index}`, surroundings));
    }
  }

  anApi(): SimulatedApi {
    return this.#faults.pick(this.#apis);
  }

  /** The database tells the APIs that the outbox was filled, as long as they listen. */
  tell(): void {
    for (const api of this.#apis)
      if (!this.#faults.happens('unheard')) setTimeout(() => api.hear(), NOTIFICATION_MS * this.#faults.random());
  }

  /** Until the storm is over, now and then something is away. */
  async storm(seconds: number): Promise<void> {
    const faults = this.#faults;
    const ends = Date.now() + seconds * 1000;
    const isWild = faults.random() < 0.5;
    while (Date.now() < ends) {
      await delay(faults.random() * CALM_MS);
      if (isWild) await faults.pick(this.#all)();
    }
    faults.isStormy = false;
  }

  end(): void {
    this.#isOver = true;
    for (const process of [...this.#apis, ...this.#consumers]) process.kill();
  }

  readonly #outage = async (name: string) => {
    this.#faults.count(name);
    await delay(this.#faults.random() * OUTAGE_MS);
  };

  readonly #brokerAway = async () => {
    this.#broker.goDown();
    await this.#outage('broker away');
    this.#broker.comeUp();
  };

  readonly #databaseAway = async () => {
    this.database.goAway();
    await this.#outage('database away');
    this.database.isAway = false;
  };

  readonly #mailsAway = async () => {
    this.#mails.isAway = true;
    await this.#outage('mail server away');
    this.#mails.isAway = false;
  };

  readonly #cut = async () => {
    this.#faults.count('connection to the broker cut');
    this.#broker.cut();
  };

  /** In the orderly way, as for an upgrade. */
  readonly #stopped = async () => {
    this.#faults.count('stopped');
    const running = [...this.#apis, ...this.#consumers].filter(({ isKilled }) => !isKilled);
    await this.#faults.pick(running)?.stop();
  };

  /** Of a consumer: that of an API dates what people ask for. */
  readonly #clockJumps = async () => {
    this.#faults.count('clock jumps');
    this.#faults.pick(this.#consumers).clockOffsetMs = (this.#faults.random() - 0.5) * 2 * CLOCK_MS;
  };

  readonly #all = [
    ...[this.#brokerAway, this.#databaseAway, this.#mailsAway],
    ...[this.#cut, this.#stopped, this.#clockJumps],
  ];

  #keepRunning<T extends SimulatedProcess>(all: T[], index: number, start: () => T): void {
    const process = start();
    all[index] = process;
    process.onKilled(() => {
      if (this.#isOver) return;
      setTimeout(() => this.#isOver || this.#keepRunning(all, index, start), this.#faults.random() * RESTART_MS);
    });
  }
}
