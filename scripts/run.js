// What `npm start` and `npm run consumer` run: compiles, bundles, builds the explorer of development, and then is the
// program that is named. One process, so that a signal to npm reaches it.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const PARENT_LOOK_MS = 500;

const builders = new Set();
let ending = false;
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  process.on(signal, () => {
    ending = true;
    for (const builder of builders) builder.kill();
    // The program ends itself as soon as it listens, too.
    if (builders.size === 0 && process.listenerCount(signal) === 1) process.exit(0);
  });
}
const [program, npm] = process.argv.splice(2, 2);
// npm passes on no SIGHUP, and may be killed, also while Node.js starts here: the shell has told its number. Windows'
// tells none.
const parent = Number(npm) || process.ppid;
setInterval(() => process.ppid !== parent && process.kill(process.pid, 'SIGTERM'), PARENT_LOOK_MS).unref();

/** Runs a script of Node.js. Answers whether it did what it should. */
async function succeeds(...script) {
  const builder = spawn(process.execPath, script, { stdio: 'inherit' });
  builders.add(builder);
  const code = await new Promise((resolve) => builder.once('error', () => resolve(1)).once('exit', resolve));
  builders.delete(builder);
  return code === 0;
}

const tsc = join('node_modules', 'typescript', 'bin', 'tsc');
const builds = async () => (await succeeds(tsc, '-p', 'tsconfig.build.json')) && succeeds(join('scripts', 'bundle.js'));
const isDevelopment = ['development', '', undefined].includes(process.env.NODE_ENV);
const [isBuilt, hasExplorer] = await Promise.all([
  builds(),
  program !== 'src/main.js' || !isDevelopment || succeeds(join('packages', 'explorer', 'build.js')),
]);
if (ending) process.exit(0);
if (!isBuilt) {
  console.error(
    'The program could not be built into build and dist: see above, or give this user the right to write there.',
  );
  process.exit(1);
}
if (!hasExplorer) console.error('The explorer could not be built; all else works.');
await import(pathToFileURL(join('dist', program)).href);
