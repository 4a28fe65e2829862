import { setTimeout as delay } from 'node:timers/promises';
import { quantile } from '../../bench/statistics.js';
import { ask, DELETE_USER, LOGIN, member, members, type Person, signIn } from '../../test/support/people.js';
import type { ApiProcess } from '../../test/support/processes.js';
import { REFRESH } from '../../test/support/tabs.js';
import type { Fleet } from './fleet.js';

const ME = '{ me { id name } }';
const USER = 'query ($id: ID!) { user(id: $id) { id email role { name } } }';
const USERS = '{ users(first: 20) { edges { node { id email role { name } } } } }';
const RENAME = 'mutation ($name: String!) { updateProfile(input: { name: $name }) { id name } }';
const LOGOUT = 'mutation { logout { sessionsEnded } }';

/** An instance that Redis does not answer tells the others by the database alone: in milliseconds, where none is busy. */
const FORGETS_MS = 5_000;
/** The admin's access token lives for 15 minutes. */
const RENEW_MS = 300_000;

/** What was seen in one part of the run. */
export interface Seen {
  name: string;
  requests: number;
  failed: number;
  /** For how long at most an instance answered with what was before a change that another had confirmed. */
  staleMs: number;
  p50: number;
  p99: number;
  longest: number;
}

/** Requests of visitors and of an admin at a steady rate. Each kind is so many in a hundred. */
export class Load {
  readonly #kinds: [number, () => Promise<void>][] = [
    [69, () => this.#withVisitor((visitor) => this.#readMe(visitor))],
    [20, () => this.#withVisitor((visitor) => this.#readOwnUser(visitor))],
    [2, () => this.#readUsers()],
    [3, () => this.#withVisitor((visitor) => this.#rename(visitor))],
    [4, () => this.#withVisitor((visitor) => this.#refresh(visitor))],
    [0.25, () => this.#withVisitor((visitor) => this.#logIn(visitor))],
    [0.25, () => this.#registerAndLogOut()],
    [1.5, () => this.#delete()],
  ];
  /** Not in use; a visitor does one thing at a time. */
  readonly #idle: Person[] = [];
  readonly #parts: { name: string; failed: number; staleMs: number; timesMs: number[] }[] = [];
  readonly #ending = new AbortController();
  #admin!: Person;
  #names = 0;
  #running: Promise<void> = Promise.resolve();
  /** People whom the admin deletes. */
  readonly #toDelete: string[];
  readonly deleted: string[] = [];
  /** Of failures, the first ones. */
  readonly complaints: string[] = [];
  /** Requests with the token of a session that was over. */
  revoked = 0;
  sessionsLost = 0;

  constructor(
    private readonly fleet: Fleet,
    private readonly random: () => number,
    toDelete: readonly string[],
  ) {
    this.#toDelete = [...toDelete];
  }

  async signIn(admin: { email: string; password: string }, visitors: number): Promise<void> {
    const api = this.fleet.pick(this.random);
    this.#admin = await signIn(api, admin);
    this.#idle.push(...(await members(api, visitors)));
  }

  /** Begins to send; what is seen belongs to the part that was named last. */
  start(rate: number): void {
    this.#running = this.#run(rate);
    const renewal = setInterval(() => void this.#refresh(this.#admin).catch((error) => this.#fail(error)), RENEW_MS);
    this.#ending.signal.addEventListener('abort', () => clearInterval(renewal));
  }

  part(name: string): void {
    this.#parts.push({ name, failed: 0, staleMs: 0, timesMs: [] });
  }

  /** Ends it, and looks whether each session still is one, on each instance. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
    for (const visitor of this.#idle) {
      try {
        await this.#refresh(visitor);
        for (const api of this.fleet.all) await this.#readMe(visitor, api);
      } catch (error) {
        this.#complain(error);
        this.sessionsLost += 1;
      }
    }
  }

  seen(): Seen[] {
    return this.#parts.map(({ name, failed, staleMs, timesMs }) => ({
      name,
      requests: timesMs.length,
      failed,
      staleMs,
      p50: quantile(timesMs, 0.5),
      p99: quantile(timesMs, 0.99),
      longest: Math.max(0, ...timesMs),
    }));
  }

  async #run(rate: number): Promise<void> {
    const inHand = new Set<Promise<void>>();
    const began = performance.now();
    for (let sent = 0; !this.#ending.signal.aborted; sent += 1) {
      await delay(Math.max(0, began + (sent / rate) * 1000 - performance.now()));
      const request: Promise<void> = this.#one().finally(() => inHand.delete(request));
      inHand.add(request);
    }
    await Promise.all(inHand);
  }

  async #one(): Promise<void> {
    const part = this.#parts.at(-1);
    let at = this.random() * 100;
    const [, work] = this.#kinds.find(([percent]) => {
      at -= percent;
      return at < 0;
    }) as [number, () => Promise<void>];
    await work().catch((error) => this.#fail(error, part));
  }

  async #withVisitor(work: (visitor: Person) => Promise<void>): Promise<void> {
    const [visitor] = this.#idle.splice(Math.floor(this.random() * this.#idle.length), 1);
    // All wait for an answer: how long that takes is seen, and how many requests there were.
    if (!visitor) return;
    try {
      await work(visitor);
    } finally {
      this.#idle.push(visitor);
    }
  }

  async #readMe({ id, token }: Person, api?: ApiProcess): Promise<void> {
    const { me } = await this.#send(ME, {}, token, api);
    if (me?.id !== id) throw new Error(`me is ${JSON.stringify(me)}, not ${id}`);
  }

  async #readOwnUser({ id, email, token }: Person): Promise<void> {
    const { user } = await this.#send(USER, { id }, token);
    if (user?.email !== email || user.role.name !== 'MEMBER') throw new Error(`user is ${JSON.stringify(user)}`);
  }

  async #readUsers(): Promise<void> {
    const { users } = await this.#send(USERS, {}, this.#admin.token);
    if (users.edges.length !== 20) throw new Error(`users has ${users.edges.length}`);
  }

  /** The other instances know it, of whichever release they are. */
  async #rename(visitor: Person): Promise<void> {
    const part = this.#parts.at(-1);
    this.#names += 1;
    const name = `Visitor ${this.#names}`;
    await this.#send(RENAME, { name }, visitor.token);
    const confirmed = performance.now();
    for (const api of this.fleet.all) {
      while (this.fleet.takesRequests(api) && (await this.#send(ME, {}, visitor.token, api)).me?.name !== name) {
        const staleMs = performance.now() - confirmed;
        if (part) part.staleMs = Math.max(part.staleMs, staleMs);
        if (staleMs > FORGETS_MS) throw new Error(`an instance did not forget a name for ${staleMs} ms`);
      }
    }
  }

  async #refresh(visitor: Person): Promise<void> {
    const { refresh } = await this.#send(REFRESH, { token: visitor.refreshToken });
    visitor.token = refresh.accessToken;
    visitor.refreshToken = refresh.refreshToken;
  }

  async #logIn({ email, password }: Person): Promise<void> {
    await this.#send(LOGIN, { input: { email, password } });
  }

  async #registerAndLogOut(): Promise<void> {
    const { id, token } = await this.fleet.use(this.fleet.pick(this.random), (api) => member(api));
    this.#toDelete.push(id);
    await this.#send(LOGOUT, {}, token);
    for (const api of this.fleet.all) {
      if (!this.fleet.takesRequests(api)) continue;
      const { data } = await this.fleet.use(api, () => ask(api, ME, {}, token));
      if (data?.me) this.revoked += 1;
    }
  }

  async #delete(): Promise<void> {
    const id = this.#toDelete.shift();
    if (!id) return;
    await this.#send(DELETE_USER, { id }, this.#admin.token);
    this.deleted.push(id);
  }

  /** @throws for every answer but a whole one. */
  async #send(query: string, variables: object, token?: string, api = this.fleet.pick(this.random)) {
    const part = this.#parts.at(-1);
    const began = performance.now();
    const { data, text } = await this.fleet.use(api, () => ask(api, query, { ...variables }, token));
    part?.timesMs.push(performance.now() - began);
    if (text.includes('"errors"')) throw new Error(text);
    return data;
  }

  #fail(error: unknown, part = this.#parts.at(-1)): void {
    this.#complain(error);
    if (part) part.failed += 1;
  }

  #complain(error: unknown): void {
    const { message, cause } = error as Error;
    if (this.complaints.length < 10) this.complaints.push(cause ? `${message}: ${cause}` : message);
  }
}
