import { readFileSync } from 'node:fs';
import { dateAhead } from './date-ahead.js';

/**
 * Loaded before a program by `node --import`: its clock goes ahead or behind by what CLOCK_FILE has, in milliseconds.
 * Timers do not go by it.
 */
const LOOK_EVERY_MS = 50;
let offsetMs = 0;
const look = () => {
  offsetMs = Number(readFileSync(process.env.CLOCK_FILE ?? '', 'utf8'));
};
look();
setInterval(look, LOOK_EVERY_MS).unref();

globalThis.Date = dateAhead(Date, () => offsetMs);
