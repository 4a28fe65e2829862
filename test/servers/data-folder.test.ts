// One process uses a data folder at a time, and a dead one leaves no lock; processes are started, raced and killed.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../support/once-per-run.js';
import { type Running, startApi, startProcess, usedDataFolder } from '../support/processes.js';

const MAIN = 'dist/src/main.js';
const IN_USE =
  /^The data folder .* is in use by (process \d+|another process)\. Stop it, or set DATA_DIR or DATABASE_URL\.\n$/;

/** The data folder with these files in it. */
function withFiles(folder: string, files: Record<string, string>): string {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const lockOf = (folder: string) => readFileSync(join(folder, 'lock'), 'utf8');

test.each([
  ['the number of a process that lives and is not ours', { lock: String(process.pid) }],
  ['the number 1, which lives in every container', { lock: '1' }],
  ['nothing in it', { lock: '' }],
  ['garbage in it', { lock: '\0\u0001garbage', 'postgres.lock': 'garbage, and no database of SQLite' }],
])('a lock file with %s stops no start', async (_, files) => {
  const folder = withFiles(await usedDataFolder(), files);
  await using api = await startApi({ DATA_DIR: folder });

  expect(lockOf(folder)).toBe(String(api.pid));
  expect(await api.stop()).toBe(0);
});

test('a lock file with our own number, or that is a folder, stops no start', async () => {
  const folder = await usedDataFolder();
  // exec keeps the number, as a container starts its process with the same one each time.
  await using api = startProcess(
    '-c',
    { DATA_DIR: folder },
    {
      program: '/bin/sh',
      args: [`printf $$ > "$DATA_DIR/lock"; exec ${process.execPath} ${MAIN}`],
    },
  );
  await api.logged('API is ready');
  await api.stop();
  mkdirSync(join(folder, 'lock'));
  await using again = await startApi({ DATA_DIR: folder });

  expect(await again.stop()).toBe(0);
});

test('a process that was killed leaves no lock, whatever moment it was killed at', async () => {
  const folder = temporaryFolder();
  // The moment is the input here: nothing is waited for.
  for (const ms of [300, 700, 1_100, 1_500]) {
    await using killed = startProcess(MAIN, { DATA_DIR: folder });
    await delay(ms);
    await killed.kill();
  }
  await using api = await startApi({ DATA_DIR: folder });

  expect(await api.stop()).toBe(0);
});

test('of five that start at the same instant on one folder one starts, beside a stale lock too', async () => {
  const folder = withFiles(temporaryFolder(), { lock: String(process.pid) });
  const all: Running[] = Array.from({ length: 5 }, () => startProcess(MAIN, { DATA_DIR: folder }));
  const ready = await Promise.all(
    all.map((running) =>
      running.logged('API is ready').then(
        () => true,
        () => false,
      ),
    ),
  );
  const losers = all.filter((_, index) => !ready[index]);
  const [winner] = all.filter((_, index) => ready[index]);

  expect(ready.filter(Boolean)).toHaveLength(1);
  for (const loser of losers) {
    expect(await loser.exited).toEqual({ code: 1, signal: null });
    expect(loser.output()).toMatch(IN_USE);
  }
  expect(lockOf(folder)).toBe(String(winner?.pid));
  expect(await winner?.stop()).toBe(0);
});
