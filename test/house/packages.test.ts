// What is installed is what was chosen (A34): exact versions, a hash for every package, and no script of a package runs
// while the image is built.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { workspaceFolders } from '../support/workspaces.js';

interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}
interface Locked {
  version?: string;
  integrity?: string;
  resolved?: string;
  link?: boolean;
}

const read = <T>(path: string) => JSON.parse(readFileSync(path, 'utf8')) as T;
const manifests = ['.', ...workspaceFolders()].map((folder) => read<Manifest>(join(folder, 'package.json')));
const locked = Object.entries(read<{ packages: Record<string, Locked> }>('package-lock.json').packages).filter(
  ([path, { link }]) => path.startsWith('node_modules/') && !link,
);

describe('packages (A34)', () => {
  test('are chosen by exact versions', () => {
    const chosen = manifests.flatMap(({ dependencies, devDependencies, optionalDependencies }) =>
      Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }),
    );

    expect(chosen.length).toBeGreaterThan(80);
    expect(chosen.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  });

  test('have a hash each, for every platform, and come from the registry alone', () => {
    const elsewhere = locked.filter(
      ([, { resolved }]) => resolved && !resolved.startsWith('https://registry.npmjs.org/'),
    );

    expect(locked.length).toBeGreaterThan(900);
    expect(locked.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual([]);
    expect(elsewhere).toEqual([]);
  });

  test('run no script of theirs while the image is built', () => {
    const installs = readFileSync('Dockerfile', 'utf8').match(/^RUN npm (ci|install).*$/gm) ?? [];

    expect(installs.length).toBeGreaterThan(1);
    expect(installs.filter((line) => !line.includes('--ignore-scripts'))).toEqual([]);
  });
});
