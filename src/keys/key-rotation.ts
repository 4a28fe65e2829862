import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type KeyFile, keyText, parseKeyFile, readKeyFiles } from './key-files.js';
import { living } from './key-ring.js';
import { readOrCreateFile } from './secrets.js';

/**
 * From being published to signing: who asks for the JWKS may keep it for 300 s, and may have it from a cache that kept
 * it as long. Instances see a new key within a second.
 */
export const LEAD_SECONDS = 600;

export interface Rotation {
  /** The key that signs last. */
  key: KeyFile;
  /** False where it had been made before, and has yet to sign. */
  isNew: boolean;
  /** Files of keys that are no more. */
  removed: string[];
}

/**
 * Makes the next key, which signs after `leadSeconds`, and removes those of which no token can be alive. Of many at
 * once one makes it. The first key of a folder signs at once.
 * @throws for a file that cannot be used.
 */
export function rotate(folder: string, leadSeconds = LEAD_SECONDS, now = Date.now()): Rotation {
  const { keys, broken, names } = readKeyFiles(folder);
  const [wrong] = broken;
  if (wrong) throw new Error(`The signing key ${wrong.name} cannot be used: ${wrong.why}. Put it right or remove it.`);
  const alive = living(keys, now);
  const removed = remove(
    folder,
    keys.filter((key) => !alive.includes(key)).map(({ name }) => name),
  );
  const pending = keys.findLast(({ signsFrom }) => signsFrom > now);
  if (pending) return { key: pending, isNew: false, removed };
  return { ...make(folder, numberAfter(names), keys.length > 0 ? now + leadSeconds * 1000 : now), removed };
}

/** For a key that has leaked: a new one signs at once, and all that were there count no more, nor do their tokens. */
export function replace(folder: string, now = Date.now()): Rotation {
  const { names } = readKeyFiles(folder);
  for (let number = numberAfter(names); ; number += 1) {
    const made = make(folder, number, now);
    // Only after the new one is there, and only those from before it: of many at once none leaves the folder empty.
    if (made.isNew) return { ...made, removed: remove(folder, names) };
  }
}

/** The number is free or taken, and nothing between: who comes second gets the key of the first. */
function make(folder: string, number: number, signsFrom: number): Pick<Rotation, 'key' | 'isNew'> {
  const name = `${String(number).padStart(4, '0')}.pem`;
  const text = keyText(signsFrom);
  const there = readOrCreateFile(folder, name, () => text);
  const key = parseKeyFile(name, there);
  if (key === null) throw new Error(`The signing key ${name} cannot be used.`);
  return { key, isNew: there === text };
}

const numberAfter = (names: string[]): number =>
  1 + Math.max(0, ...names.map((name) => Number.parseInt(name, 10)).filter(Number.isSafeInteger));

function remove(folder: string, names: string[]): string[] {
  for (const name of names) rmSync(join(folder, name), { force: true });
  return names;
}
