import { type Answer, dataOf, isRefusal, isTokenRefused, isUnauthenticated, saysQuery } from './answer.js';
import { GatehouseError } from './errors.js';
import {
  type ChangePasswordInput,
  GatehouseChangePassword,
  GatehouseLogin,
  GatehouseLogout,
  GatehouseLogoutEverywhere,
  GatehouseRefresh,
  GatehouseRegister,
  type LoginInput,
  type RegisterInput,
  type SignedInFragment,
} from './operations.js';
import { OwedSignOut, type SignOut } from './owed-sign-out.js';

/** Refreshed so long before it runs out, or a request could arrive too late with it. */
const EARLY_MS = 30_000;

type Fetch = (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>;
/** Answers another token than `used`, which was refused; null if there is none. */
type Refresh = (used: string | null) => Promise<Access | null>;

/** What is kept without cookies. */
export interface KeptTokens {
  refreshToken?: string;
  deviceToken?: string;
}

/** Where tokens are kept without cookies, for all tabs. Without one they are in memory, and end with the page. */
export interface TokenStore {
  read(): KeptTokens;
  write(tokens: KeptTokens): void;
}

export interface GatehouseOptions {
  /** The endpoint, such as `https://id.example.com/graphql`. */
  url: string;
  /** Whether the server keeps the refresh token in a cookie (`REFRESH_TOKEN_COOKIE`); true unless told. */
  cookies?: boolean;
  store?: TokenStore;
  fetch?: Fetch;
}

export type GatehouseUser = SignedInFragment['user'];

interface Access {
  token: string;
  userId: string;
  /** As `Date.now()` has it, counted from the answer: the clock of the client may be wrong. */
  expiresAt: number;
}

/** What tabs tell one another, what one asks that has no token, and what the others answer. */
type News = { access: Access; user: GatehouseUser } | { access: null };
type Message = News | 'who has a token?' | (News & { isAnswer: true });

/** Other tabs answer within this time, or not at all. */
const ANSWER_MS = 200;

export const createGatehouse = (options: GatehouseOptions): Gatehouse => new Gatehouse(options);

/**
 * A browser's session. The access token is in memory alone. It is refreshed before it runs out, once for all tabs, and
 * a sign-in or sign-out in one tab is known in the others.
 */
export class Gatehouse {
  readonly url: string;
  readonly #cookies: boolean;
  readonly #store: TokenStore;
  readonly #fetch: Fetch;
  /** Both are null where there are no tabs. */
  readonly #channel: BroadcastChannel | null;
  readonly #locks: LockManager | null;
  /** Null without cookies: no token is left to sign in again. */
  readonly #owedSignOut: OwedSignOut | null;
  readonly #newsListeners = new Set<() => void>();
  readonly #listeners = new Set<(user: GatehouseUser | null) => void>();
  readonly #closed = deferred();
  #access: Access | null = null;
  /** Undefined until it is known. */
  #user: GatehouseUser | null | undefined;
  #refreshing: Promise<Access | null> | null = null;
  #lastTurn: Promise<unknown> = Promise.resolve();

  constructor({
    url,
    cookies = true,
    store = inMemory(),
    fetch: send = globalThis.fetch.bind(globalThis),
  }: GatehouseOptions) {
    this.url = url;
    this.#cookies = cookies;
    this.#store = store;
    this.#fetch = send;
    this.#channel = hasTabs() && 'BroadcastChannel' in globalThis ? new BroadcastChannel(this.#name) : null;
    this.#locks = hasTabs() ? (globalThis.navigator?.locks ?? null) : null;
    this.#owedSignOut = cookies ? new OwedSignOut(`${this.#name} sign-out`) : null;
    this.#channel?.addEventListener('message', ({ data }) => this.#receive(data as Message));
    // Held for as long as the page lives, so each tab can see how many there are.
    void this.#locks?.request(this.#presence, { mode: 'shared' }, () => this.#closed.promise);
  }

  get #name(): string {
    return `gatehouse ${this.url}`;
  }

  get #presence(): string {
    return `${this.#name} tab`;
  }

  /** Who is signed in: null for nobody, undefined before `restore` or a sign-in. */
  get user(): GatehouseUser | null | undefined {
    return this.#user;
  }

  /** Calls back whenever somebody signs in or out, in any tab. Answers what ends it. */
  onChange(listener: (user: GatehouseUser | null) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Takes up the session of an earlier page, if there is one. @throws {GatehouseError} if that cannot be found out. */
  async restore(): Promise<GatehouseUser | null> {
    await this.accessToken();
    return this.#user ?? null;
  }

  /** @throws {GatehouseError} EMAIL_TAKEN, WEAK_PASSWORD, BAD_USER_INPUT, RATE_LIMITED, SERVICE_OVERLOADED. */
  async register(input: RegisterInput): Promise<GatehouseUser> {
    return this.#inTurn(async () => {
      const { register } = await this.#mutate<{ register: SignedInFragment }>(GatehouseRegister, { input });
      return this.#signedIn(register);
    });
  }

  /** @throws {GatehouseError} INVALID_CREDENTIALS, ACCOUNT_DISABLED, RATE_LIMITED, SERVICE_OVERLOADED. */
  async signIn({ email, password }: Omit<LoginInput, 'deviceToken'>): Promise<GatehouseUser> {
    return this.#inTurn(async () => {
      const { deviceToken } = this.#store.read();
      const input: LoginInput = { email, password, ...(deviceToken && { deviceToken }) };
      const { login } = await this.#mutate<{ login: SignedInFragment }>(GatehouseLogin, { input });
      return this.#signedIn(login);
    });
  }

  /**
   * Ends all other sessions.
   * @throws {GatehouseError} INVALID_CREDENTIALS, WEAK_PASSWORD, UNAUTHENTICATED, RATE_LIMITED, SERVICE_OVERLOADED.
   */
  async changePassword(input: ChangePasswordInput): Promise<GatehouseUser> {
    const userId = this.#user?.id;
    return this.#inTurn(async () => {
      const send: Fetch = (...request) => this.#sendBy(this.#refreshWithin, userId, ...request);
      const { changePassword } = dataOf<{ changePassword: SignedInFragment }>(
        await this.#answerTo(send, GatehouseChangePassword, { input }),
      );
      return this.#signedIn(changePassword);
    });
  }

  /**
   * Ends this session, here and in all tabs; here also where the server cannot be reached. Then the server is told
   * before a later page takes up the session.
   * @throws {GatehouseError} if the server has not ended it.
   */
  async signOut({ everywhere = false } = {}): Promise<void> {
    return this.#inTurn(async () => {
      const signOut = everywhere ? 'everywhere' : 'here';
      // Before it is sent: the page may end meanwhile.
      this.#owedSignOut?.write(signOut);
      try {
        await this.#sendSignOut(signOut, await this.#tokenToSignOut(signOut));
      } finally {
        this.#signedOut();
      }
    });
  }

  /** One that will not run out at once; null if nobody is signed in. @throws {GatehouseError} if it cannot be had. */
  async accessToken(): Promise<string | null> {
    return (await this.#accessBy(this.#refresh))?.token ?? null;
  }

  /** Sends a document as the one who is signed in. @throws {GatehouseError} */
  async request<Data, Variables extends object = Record<string, unknown>>(
    document: string,
    variables?: Variables,
  ): Promise<Data> {
    return dataOf<Data>(await this.#answerTo(this.fetch, document, variables));
  }

  /**
   * `fetch` for other clients: sends the access token. Where it counts no more, refreshes it and sends the request once
   * more, unless another user is signed in by then.
   */
  readonly fetch: Fetch = (input, init) => this.#sendBy(this.#refresh, this.#user?.id, input, init);

  /** `fetch` for queries alone: those that are named by a hash do not say that they are queries. */
  readonly fetchQuery: Fetch = (input, init) => this.#sendBy(this.#refresh, this.#user?.id, input, init, true);

  /** Ends the exchange with other tabs. */
  close(): void {
    this.#closed.resolve();
    this.#channel?.close();
  }

  async #sendSignOut(signOut: SignOut, token: string | null): Promise<void> {
    try {
      await this.#mutate(signOut === 'everywhere' ? GatehouseLogoutEverywhere : GatehouseLogout, {}, token);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
    this.#owedSignOut?.clear();
  }

  /** A cookie names the session, and so does a token that has run out: a refresh could only fail. */
  async #tokenToSignOut(signOut: SignOut): Promise<string | null> {
    if (this.#cookies || (this.#access && signOut === 'here')) return this.#access?.token ?? null;
    return (await this.#accessBy(this.#refreshWithin))?.token ?? null;
  }

  async #accessBy(refresh: Refresh): Promise<Access | null> {
    if (this.#user === null) return null;
    return isFresh(this.#access) ? this.#access : refresh(null);
  }

  /** A refresh may bring another user: what `userId` has asked for is not done as them. */
  async #sendBy(
    refresh: Refresh,
    userId: string | undefined,
    input: RequestInfo | URL,
    init?: RequestInit,
    isQuery = false,
  ): Promise<Response> {
    const access = await this.#accessBy(refresh);
    if (access && access.userId !== (userId ?? access.userId)) throw anotherUser();
    const first = await this.#send(input, init, access?.token ?? null);
    if (!access) return first;
    // A public mutation is done without a token that counts, and must not be done twice.
    const isAnonymous = isTokenRefused(first) && (isQuery || (await saysQuery(input, init)));
    if (!isAnonymous && !(await isUnauthenticated(first))) return first;
    const next = await refresh(access.token);
    return next?.userId === access.userId ? this.#send(input, init, next.token) : first;
  }

  #send(input: RequestInfo | URL, init: RequestInit | undefined, token: string | null): Promise<Response> {
    const request = input instanceof Request ? input : null;
    const headers = new Headers(init?.headers ?? request?.headers);
    if (token !== null) headers.set('authorization', `Bearer ${token}`);
    const credentials = this.#cookies ? { credentials: 'include' as const } : {};
    // The body of a Request is read once, and it may be sent twice.
    return this.#fetch(request?.clone() ?? input, { ...init, ...credentials, headers });
  }

  /** Sends this token, or none: the session of this client is not used. */
  async #mutate<Data>(document: string, variables: object, token: string | null = null): Promise<Data> {
    const send: Fetch = (input, init) => this.#send(input, init, token);
    return dataOf<Data>(await this.#answerTo(send, document, variables));
  }

  async #answerTo<Data>(send: Fetch, query: string, variables: object = {}): Promise<Answer<Data>> {
    try {
      const response = await send(this.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json, application/json' },
        body: JSON.stringify({ query, variables }),
      });
      return (await response.json()) as Answer<Data>;
    } catch (error) {
      throw error instanceof GatehouseError ? error : new GatehouseError([], { cause: error });
    }
  }

  /**
   * What changes the session happens one after the other: in all tabs where the browser has Web Locks, else in this one.
   * The answer to a refresh that came after a sign-out would sign in again, and its cookie would replace that of a sign-in.
   */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#locks) return this.#locks.request(this.#name, work);
    const turn = this.#lastTurn.then(work);
    this.#lastTurn = turn.catch(() => undefined);
    return turn;
  }

  /** Of many at once, in all tabs, one asks. */
  readonly #refresh: Refresh = (used) => {
    this.#refreshing ??= this.#inTurn(() => this.#refreshWithin(used)).finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  };

  /** The refresh itself, within a turn. */
  readonly #refreshWithin: Refresh = async (used) => {
    // A sign-out came while this refresh waited for its turn.
    if (this.#user === null) return null;
    const owed = this.#owedSignOut?.read();
    if (owed) {
      await this.#sendSignOut(owed, null).catch(() => undefined);
      return this.#signedOut();
    }
    const known = await this.#fromOthers(used);
    if (known) return known;
    const refreshToken = this.#cookies ? '' : this.#store.read().refreshToken;
    if (refreshToken === undefined) return this.#signedOut();
    try {
      const input = { refreshToken };
      const { refresh } = await this.#mutate<{ refresh: SignedInFragment }>(GatehouseRefresh, { input });
      this.#signedIn(refresh);
      return this.#access;
    } catch (error) {
      if (isRefusal(error)) return this.#signedOut();
      throw error;
    }
  };

  /** A token that another tab has, or has got while this one waited for its turn. */
  async #fromOthers(used: string | null): Promise<Access | null> {
    const another = () => (isFresh(this.#access) && this.#access.token !== used ? this.#access : null);
    if (another() || !this.#channel || !this.#locks) return another();
    const { held = [] } = await this.#locks.query();
    if (held.filter(({ name }) => name === this.#presence).length < 2) return null;
    const heard = deferred();
    const end = this.#onNews(heard.resolve);
    this.#channel.postMessage('who has a token?' satisfies Message);
    await Promise.race([heard.promise, new Promise((resolve) => setTimeout(resolve, ANSWER_MS))]);
    end();
    return another();
  }

  #onNews(listener: () => void): () => void {
    this.#newsListeners.add(listener);
    return () => void this.#newsListeners.delete(listener);
  }

  #receive(message: Message): void {
    if (message === 'who has a token?') {
      if (this.#user && isFresh(this.#access))
        this.#channel?.postMessage({ access: this.#access, user: this.#user, isAnswer: true } satisfies Message);
      return;
    }
    // An answer that this tab no longer waits for may be older than a sign-out.
    if ('isAnswer' in message && this.#newsListeners.size === 0) return;
    this.#hear(message);
  }

  #signedIn({ accessToken, accessTokenExpiresIn, refreshToken, deviceToken, user }: SignedInFragment): GatehouseUser {
    const expiresAt = Date.now() + accessTokenExpiresIn * 1000;
    const access = { token: accessToken, userId: user.id, expiresAt };
    if (!this.#cookies) this.#store.write({ ...this.#store.read(), refreshToken, ...(deviceToken && { deviceToken }) });
    this.#owedSignOut?.clear();
    this.#tell({ access, user });
    return user;
  }

  #signedOut(): null {
    if (!this.#cookies) {
      const { deviceToken } = this.#store.read();
      this.#store.write(deviceToken === undefined ? {} : { deviceToken });
    }
    this.#tell({ access: null });
    return null;
  }

  #tell(news: News): void {
    this.#hear(news);
    this.#channel?.postMessage(news);
  }

  #hear(news: News): void {
    const before = this.#user;
    this.#access = news.access;
    this.#user = news.access ? news.user : null;
    for (const listener of this.#newsListeners) listener();
    if (JSON.stringify(before) === JSON.stringify(this.#user)) return;
    for (const listener of this.#listeners) listener(this.#user);
  }
}

/** Not in Node.js: there all clients of a process would share one session, and an open channel would keep the process. */
const hasTabs = () => 'document' in globalThis || 'WorkerGlobalScope' in globalThis;

const isFresh = (access: Access | null): access is Access =>
  access !== null && access.expiresAt - EARLY_MS > Date.now();

const anotherUser = () =>
  new GatehouseError([{ message: 'Another user is signed in now.', extensions: { code: 'UNAUTHENTICATED' } }]);

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

function inMemory(): TokenStore {
  let kept: KeptTokens = {};
  return {
    read: () => kept,
    write: (tokens) => {
      kept = tokens;
    },
  };
}
