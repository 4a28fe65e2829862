/** The `Date` of a machine whose clock is ahead of `Shared` by so many milliseconds, or behind. */
export function dateAhead(Shared: DateConstructor, offsetMs: () => number): DateConstructor {
  const now = () => Shared.now() + offsetMs();
  return new Proxy(Shared, {
    get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
    apply: () => new Shared(now()).toString(),
    construct: (target, given, asked) => Reflect.construct(target, given.length === 0 ? [now()] : given, asked),
  });
}
