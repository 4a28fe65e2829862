import { spawnSync } from 'node:child_process';
import { TSC } from './build.js';

const OPTIONS = [
  '--noEmit',
  '--strict',
  '--skipLibCheck',
  '--module',
  'nodenext',
  '--target',
  'es2022',
  '--ignoreConfig',
];

/** Compiles one file, as a client would, and writes nothing. `stdout` says what is wrong. */
export const compile = (path: string) =>
  spawnSync(process.execPath, [TSC, ...OPTIONS, path], {
    encoding: 'utf8',
  });
