import { join } from 'node:path';
import {
  type ApiProcess,
  type Env,
  type Running,
  runCommand,
  startApi,
  startConsumer,
} from '../../test/support/processes.js';

/** A build: its name, and the folder of its programs. */
export interface Release {
  name: string;
  programs: string;
}

const APIS = 2;

/**
 * The instances of an installation, as an orchestrator replaces them: one at a time, the new one first. One that is to
 * end gets no more requests, and ends when it has answered those that it has.
 */
export class Fleet {
  readonly #apis: ApiProcess[] = [];
  readonly #requests = new Map<ApiProcess, Set<Promise<unknown>>>();
  #consumer: Running | null = null;

  constructor(private readonly env: Env) {}

  /** One that takes requests. */
  pick(random: () => number): ApiProcess {
    return this.#apis[Math.floor(random() * this.#apis.length)] as ApiProcess;
  }

  /** Those that take requests now. */
  get all(): readonly ApiProcess[] {
    return [...this.#apis];
  }

  takesRequests(api: ApiProcess): boolean {
    return this.#apis.includes(api);
  }

  /** Requests to one, which does not end before they are answered. */
  async use<T>(api: ApiProcess, work: (api: ApiProcess) => Promise<T>): Promise<T> {
    const requests = this.#requests.get(api) ?? new Set();
    this.#requests.set(api, requests);
    const request = work(api);
    requests.add(request);
    return request.finally(() => requests.delete(request));
  }

  async migrate({ programs }: Release): Promise<void> {
    const { code, output } = await runCommand(join(programs, 'src', 'commands', 'migrate.js'), [], this.env);
    if (code !== 0) throw new Error(`migrate ended with ${code}:\n${output}`);
  }

  async start(release: Release): Promise<void> {
    for (let count = 0; count < APIS; count += 1) await this.#addApi(release);
    await this.#replaceConsumer(release);
  }

  /** `betweenTwo` is run while two releases take requests. */
  async replace(release: Release, betweenTwo: () => Promise<void>): Promise<void> {
    for (let count = 0; count < APIS; count += 1) {
      await this.#addApi(release);
      const oldest = this.#apis.shift() as ApiProcess;
      await Promise.allSettled(this.#requests.get(oldest) ?? []);
      await endInOrder(oldest);
      if (count === 0) await betweenTwo();
    }
    await this.#replaceConsumer(release);
  }

  async #addApi({ programs }: Release): Promise<void> {
    this.#apis.push(await startApi(this.env, join(programs, 'src', 'main.js')));
  }

  async #replaceConsumer({ programs }: Release): Promise<void> {
    const next = startConsumer(this.env, join(programs, 'consumer', 'main.js'));
    await next.logged('consumer is ready');
    await endInOrder(this.#consumer);
    this.#consumer = next;
  }

  async kill(): Promise<void> {
    await Promise.all([...this.#apis, this.#consumer].map((running) => running?.kill()));
  }
}

async function endInOrder(running: Running | null | undefined): Promise<void> {
  const code = await running?.stop();
  if (running && code !== 0) throw new Error(`a process ended with ${code}:\n${running.output()}`);
}
