// What `npm start` and `npm run consumer` run: compiles, and then is the program that is named. One process, so that a
// signal to npm reaches it.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const PARENT_LOOK_MS = 500;

let compiler = null;
let ending = false;
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  process.on(signal, () => {
    ending = true;
    if (compiler) compiler.kill();
    // The program ends itself as soon as it listens, too.
    else if (process.listenerCount(signal) === 1) process.exit(0);
  });
}
const [program, npm] = process.argv.splice(2, 2);
// npm passes on no SIGHUP, and may be killed, also while Node.js starts here: the shell has told its number. Windows'
// tells none.
const parent = Number(npm) || process.ppid;
setInterval(() => process.ppid !== parent && process.kill(process.pid, 'SIGTERM'), PARENT_LOOK_MS).unref();

const tsc = join('node_modules', 'typescript', 'bin', 'tsc');
compiler = spawn(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
const code = await new Promise((resolve) => compiler.once('error', () => resolve(1)).once('exit', resolve));
compiler = null;
if (ending) process.exit(0);
if (code !== 0) {
  console.error('The program could not be compiled into dist: see above, or give this user the right to write there.');
  process.exit(1);
}
await import(pathToFileURL(join('dist', program)).href);
