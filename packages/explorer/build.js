// Builds the explorer into dist/explorer, where what it is made of is newer.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));
const SOURCES = ['packages/explorer', 'packages/client/src', 'examples.graphql', 'package-lock.json'];

const changedMs = (path) => statSync(path).mtimeMs;

function newestOf(path) {
  if (!statSync(path).isDirectory()) return changedMs(path);
  return Math.max(
    ...readdirSync(path)
      .filter((name) => name !== 'node_modules')
      .map((name) => newestOf(join(path, name))),
  );
}

const built = join(root, 'dist', 'explorer', 'index.html');
const isUpToDate = existsSync(built) && SOURCES.every((source) => newestOf(join(root, source)) < changedMs(built));
if (!isUpToDate) await build({ root: fileURLToPath(new URL('.', import.meta.url)), logLevel: 'error' });
