// Builds the explorer into dist/explorer, where what it is made of is newer.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { newestOf } from '../../scripts/newest-of.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const SOURCES = ['packages/explorer', 'packages/client/src', 'examples.graphql', 'package-lock.json'];

const built = join(root, 'dist', 'explorer', 'index.html');
const isUpToDate = existsSync(built) && SOURCES.every((source) => newestOf(join(root, source)) < newestOf(built));
if (!isUpToDate) await build({ root: fileURLToPath(new URL('.', import.meta.url)), logLevel: 'error' });
