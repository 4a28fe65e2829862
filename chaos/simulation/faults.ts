import type { Clock } from './clock.js';
import { never, SimulatedProcess } from './simulated-process.js';

/** How likely each is, at each moment in which it can happen. */
interface Rates {
  killed: number;
  /** Longer than any lease. */
  late: number;
  cut: number;
  unconfirmed: number;
  unheard: number;
  mailFails: number;
}

const [USUAL_MS, LATE_MS] = [8, 60_000];

/** What goes wrong, chosen by the numbers of a seed. After the storm nothing does. */
export class Faults {
  readonly #rates: Rates;
  readonly #trace: string[] = [];
  readonly #began: number;
  readonly counts = new Map<string, number>();
  isStormy = true;

  constructor(
    private readonly clock: Clock,
    readonly random: () => number,
  ) {
    this.#began = clock.now;
    const upTo = (most: number) => (random() < 0.3 ? 0 : random() * most);
    this.#rates = {
      killed: upTo(0.01),
      late: upTo(0.004),
      cut: upTo(0.01),
      unconfirmed: upTo(0.2),
      unheard: upTo(0.5),
      mailFails: upTo(0.4),
    };
  }

  /** What happened in its order, for a reader and for comparing two runs of a seed. */
  get trace(): readonly string[] {
    return this.#trace;
  }

  note(what: string): void {
    this.#trace.push(
      `${((this.clock.now - this.#began) / 1000).toFixed(3)} ${SimulatedProcess.current()?.name ?? '-'}: ${what}`,
    );
  }

  happens(fault: keyof Rates): boolean {
    if (!this.isStormy || this.random() >= this.#rates[fault]) return false;
    this.count(fault);
    return true;
  }

  count(fault: string): void {
    this.note(fault);
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.random() * choices.length)] as T;
  }

  /** A moment between two lines of a process: time passes, and the process may not live to see the end of it. */
  async moment(process: SimulatedProcess): Promise<void> {
    if (process.isKilled) return never();
    if (this.happens('killed')) process.kill();
    else await new Promise((resolve) => setTimeout(resolve, this.#pauseMs()));
    if (process.isKilled) return never();
  }

  #pauseMs(): number {
    return this.happens('late') ? this.random() * LATE_MS : 1 + this.random() * USUAL_MS;
  }
}
