// An import remembers in which line an address or external id stood first, however many lines there are.

import { expect, test } from '@jest/globals';
import { digestOf, FirstLines } from '../../src/import/first-lines.js';

test('each of many texts is found in its line, and no other text is', () => {
  const lines = new FirstLines();
  const wrong: string[] = [];
  for (let line = 1; line <= 100_000; line += 1) {
    if (lines.find(digestOf(`email ${line}@example.com`)) !== null) wrong.push(`${line} is new`);
    lines.add(digestOf(`email ${line}@example.com`), line);
  }
  for (let line = 1; line <= 100_000; line += 1) {
    if (lines.find(digestOf(`email ${line}@example.com`)) !== line) wrong.push(`${line} is known`);
    if (lines.find(digestOf(`externalId ${line}@example.com`)) !== null) wrong.push(`${line} is another`);
  }

  expect(wrong).toEqual([]);
});
