import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** When a file, or the newest one in a folder and below it, was changed: milliseconds since 1970. */
export function newestOf(path) {
  const found = statSync(path);
  if (!found.isDirectory()) return found.mtimeMs;
  const names = readdirSync(path).filter((name) => name !== 'node_modules');
  return Math.max(0, ...names.map((name) => newestOf(join(path, name))));
}
