// What fails in a suite fails the run: Jest runs a suite that does, with the configuration of this project.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../support/once-per-run.js';

const SUITE = `
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { later } from './later.js';

test('passes', async () => expect(await later(1 as number)).toBe(1));
test('has a wrong result', async () => expect(await later(1)).toBe(2));
test('throws', () => { throw new Error('thrown'); });
test('does not end', () => new Promise(() => undefined), 100);
test('has a rejection that nothing waits for', async () => {
  void later(1).then(() => { throw new Error('unseen'); });
  await later(2, 50);
});
describe('a group', () => {
  beforeAll(() => { throw new Error('not prepared'); });
  test('whose preparation fails', () => undefined);
});
describe('another', () => {
  afterEach(() => { throw new Error('not cleaned'); });
  test('whose end fails', () => undefined);
});
test.skip('is skipped', () => undefined);
`;
const LATER = `
export const later = <T>(value: T, ms = 1): Promise<T> => new Promise((resolve) => setTimeout(resolve, ms, value));
`;

test('every way to fail is a failure, with the line of its source', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'failing.test.ts'), SUITE);
  writeFileSync(join(folder, 'later.ts'), LATER);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const ours = await import(pathToFileURL('jest.config.js').href);
  const { testEnvironment, testRunner, transform } = ours.default.projects[0];
  const config = {
    rootDir: folder,
    testMatch: ['**/*.test.ts'],
    testEnvironment: resolve(testEnvironment),
    testRunner: resolve(testRunner),
    transform,
  };

  const run = spawnSync(
    process.execPath,
    ['node_modules/jest/bin/jest.js', '--config', JSON.stringify(config), '--json'],
    { encoding: 'utf8' },
  );

  const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(run.stdout);
  expect([run.status, numPassedTests, numFailedTests, numPendingTests]).toEqual([1, 1, 6, 1]);
  const messageOf = (title: string) =>
    testResults[0].assertionResults.find((result: { title: string }) => result.title === title).failureMessages[0];
  expect(messageOf('has a wrong result')).toContain('failing.test.ts:6:');
  expect(messageOf('throws')).toContain('failing.test.ts:7:');
});
