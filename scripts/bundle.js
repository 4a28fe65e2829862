// Bundles what tsc has compiled into `build` with its packages into `dist`, where either has changed. All programs run from
// there: a start reads 60 files and not 2,000, and takes two thirds of the time.
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { newestOf } from './newest-of.js';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const [COMPILED, BUNDLED] = ['build', 'dist'];
const CHUNKS = join(BUNDLED, 'chunks');
/** They find files of theirs beside their modules. The last one is not installed: type-graphql asks for it in vain. */
const UNBUNDLED = ['bcrypt', '@electric-sql/pglite', 'pino', 'pino-pretty', 'piscina', 'class-validator'];
/** Scripts that modules read or start from beside themselves. */
const BESIDE = ['src/http/pages/account.js', 'src/password/hash-thread.js'];

/** Written last: a bundle that was broken off is made again. */
const DONE = join(BUNDLED, '.bundled');
const sources = [COMPILED, 'package-lock.json', fileURLToPath(import.meta.url)];
const changedMs = Math.max(...sources.map(newestOf));
if (!existsSync(DONE) || newestOf(DONE) < changedMs) await bundle();

async function bundle() {
  const programs = ['src/main', 'consumer/main', ...commands()];
  const bundler = await rolldown({
    input: Object.fromEntries(programs.map((name) => [name, join(COMPILED, `${name}.js`)])),
    platform: 'node',
    external: (id) => UNBUNDLED.some((name) => id === name || id.startsWith(`${name}/`)),
    // As Node.js chooses: a package that was read in two forms would be there twice.
    resolve: { mainFields: ['main'] },
    plugins: [{ name: 'source-maps', load: withSourceMap }],
    onLog(level, { message }) {
      if (level === 'warn') throw new Error(message);
    },
  });
  const { output } = await bundler.write({
    dir: BUNDLED,
    chunkFileNames: 'chunks/[name]-[hash].js',
    // Names of classes are names of types and tables.
    keepNames: true,
    sourcemap: true,
    // One other character makes V8 keep the text of a whole chunk in two bytes for each.
    charset: 'ascii',
    comments: false,
  });
  for (const path of BESIDE) copyFileSync(join(COMPILED, path), join(CHUNKS, basename(path)));
  const kept = new Set([...output.map(({ fileName }) => basename(fileName)), ...BESIDE.map((path) => basename(path))]);
  for (const name of readdirSync(CHUNKS)) if (!kept.has(name)) rmSync(join(CHUNKS, name));
  writeFileSync(DONE, '');
}

function commands() {
  const names = readdirSync(join(COMPILED, 'src', 'commands')).filter((name) => name.endsWith('.js'));
  return names.map((name) => `src/commands/${basename(name, '.js')}`);
}

/**
 * With what tsc says about a module of ours: a stack then names lines of the sources. Maps of packages would take 50 MB of
 * each process.
 */
function withSourceMap(id) {
  if (id.startsWith('\0')) return null;
  const map = `${id}.map`;
  return {
    code: readFileSync(id, 'utf8'),
    map: existsSync(map) && !id.includes('node_modules') ? readFileSync(map, 'utf8') : { mappings: '' },
  };
}
