/** What was read or made once for a request, and ends with it. */
export class RequestMemo {
  readonly #values = new Map<object, unknown>();

  /** The value of `owner`, made where there is none. */
  get<T>(owner: object, make: () => T): T {
    if (!this.#values.has(owner)) this.#values.set(owner, make());
    return this.#values.get(owner) as T;
  }
}
