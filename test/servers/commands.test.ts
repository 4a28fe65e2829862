// A command that is given what it does not know does nothing, and says how it is used.

import { readdirSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { runCommand } from '../support/processes.js';

/** Each of them, but for what two of them share. */
const COMMANDS = readdirSync('src/commands')
  .map((file) => file.replace('.ts', ''))
  .filter((name) => name !== 'limits-options');

test.each(COMMANDS)('%s refuses other options, and more arguments than it takes', async (name) => {
  for (const args of [['--everything'], ['one', 'two']]) {
    const { code, output } = await runCommand(`dist/src/commands/${name}.js`, args, {});

    expect([args, code, output]).toEqual([args, 1, expect.stringContaining('Usage: n')]);
  }
});
