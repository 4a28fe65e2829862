import { readFileSync } from 'node:fs';

/**
 * Loaded before a program by `node --import`: its clock goes ahead or behind by what CLOCK_FILE has, in milliseconds.
 * Timers do not go by it.
 */
const LOOK_EVERY_MS = 50;
const Shared = Date;
let offsetMs = 0;
const look = () => {
  offsetMs = Number(readFileSync(process.env.CLOCK_FILE ?? '', 'utf8'));
};
look();
setInterval(look, LOOK_EVERY_MS).unref();
const now = () => Shared.now() + offsetMs;

globalThis.Date = new Proxy(Shared, {
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
  apply: () => new Shared(now()).toString(),
  construct: (target, given, asked) => Reflect.construct(target, given.length === 0 ? [now()] : given, asked),
});
