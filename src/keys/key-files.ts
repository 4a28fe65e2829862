import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readOrCreateFile } from './secrets.js';
import { newPrivateKey, privateKeyOf, type SigningKey, signingKey } from './signing-key.js';

const SIGNS_FROM = /^signs-from: *(.+)$/m;

export interface KeyFile extends SigningKey {
  name: string;
}
export interface BrokenFile {
  name: string;
  why: string;
}
/** What a folder of keys holds: `keys` in the order in which they sign, `names` of all its PEM files in theirs. */
export interface KeyFiles {
  keys: KeyFile[];
  broken: BrokenFile[];
  names: string[];
}

/**
 * Reads `*.pem`: a P-256 private key, and before it the line `signs-from: 2026-11-22T10:00:00.000Z`, which one of them
 * may lack.
 * @throws if the folder cannot be read.
 */
export function readKeyFiles(folder: string): KeyFiles {
  const names = pemFiles(folder);
  const keys: KeyFile[] = [];
  const broken: BrokenFile[] = [];
  for (const name of names) {
    const key = readKeyFile(folder, name);
    // A rotation has removed it since the folder was listed.
    if (key === null && !lstatSync(join(folder, name), { throwIfNoEntry: false })) continue;
    const twin = keys.find(({ kid }) => kid === key?.kid);
    const first = keys.find(({ signsFrom }) => signsFrom === 0);
    if (key === null) broken.push({ name, why: 'it holds no P-256 private key in PEM that can be read' });
    else if (Number.isNaN(key.signsFrom)) broken.push({ name, why: 'its line signs-from is no time' });
    else if (twin) broken.push({ name, why: `it holds the same key as ${twin.name}` });
    // Two that sign from the beginning: the one would have ended the other long ago, with all its tokens.
    else if (first && key.signsFrom === 0)
      broken.push({ name, why: `it lacks the line signs-from, as ${first.name} does` });
    else keys.push(key);
  }
  return { keys: inOrder(keys), broken, names };
}

export const inOrder = (keys: KeyFile[]): KeyFile[] =>
  keys.toSorted((a, b) => a.signsFrom - b.signsFrom || (a.name < b.name ? -1 : 1));

/** Changes whenever a file comes, goes or is written. */
export const stateOf = (folder: string): string =>
  pemFiles(folder)
    .map((name) => {
      const stat = statSync(join(folder, name), { throwIfNoEntry: false });
      return `${name} ${stat?.ino} ${stat?.size} ${stat?.ctimeMs}`;
    })
    .join('\n');

export const keyText = (signsFrom: number): string =>
  `signs-from: ${new Date(signsFrom).toISOString()}\n${newPrivateKey()}`;

export function parseKeyFile(name: string, text: string): KeyFile | null {
  const privateKey = privateKeyOf(text);
  const [, time] = SIGNS_FROM.exec(text) ?? [];
  return privateKey && { ...signingKey(privateKey, time === undefined ? 0 : Date.parse(time)), name };
}

/** Where a folder has no key, the one that was used before there were folders becomes its first, or a new one does. */
export function firstKey(folder: string, formerPath: string): void {
  try {
    if (pemFiles(folder).length > 0) return;
  } catch {
    // Made below.
  }
  readOrCreateFile(folder, '0001.pem', () => textOf(formerPath) ?? newPrivateKey());
}

// A draft of readOrCreateFile does not end in .pem.
const pemFiles = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.pem') && !name.startsWith('.'))
    .sort();

function readKeyFile(folder: string, name: string): KeyFile | null {
  const text = textOf(join(folder, name));
  return text === null ? null : parseKeyFile(name, text);
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
