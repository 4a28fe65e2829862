// The image can be built: what the Dockerfile copies is let into the build, for each workspace too.

import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { workspaceFolders } from '../support/workspaces.js';

const letIn = readFileSync('.dockerignore', 'utf8')
  .split('\n')
  .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
const isLetIn = (path: string): boolean => letIn.includes(path) || (path !== '.' && isLetIn(dirname(path)));
const copied = [...readFileSync('Dockerfile', 'utf8').matchAll(/^COPY (?!--from)(.+) \S+$/gm)]
  .flatMap(([, sources = '']) => sources.split(' '))
  .filter((source) => source !== '.');
const folders = workspaceFolders();

describe('the image', () => {
  test('is built from files that are there and let into the build', () => {
    expect(copied.length).toBeGreaterThan(8);
    expect(copied.filter((path) => !existsSync(path) || !isLetIn(path))).toEqual([]);
    expect(letIn.filter((path) => !existsSync(path))).toEqual([]);
  });

  test('knows the packages of each workspace', () => {
    expect(folders.length).toBeGreaterThan(3);
    expect(folders.filter((folder) => !copied.includes(`${folder}/package.json`))).toEqual([]);
  });
});
