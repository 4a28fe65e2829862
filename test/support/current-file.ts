import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from '@jest/globals';

/** Holds a generated file to what it is generated from. `UPDATE_DOCS=1 npm test` writes it anew. */
export function expectCurrent(path: string, content: string): void {
  if (process.env.UPDATE_DOCS === '1') writeFileSync(path, content);
  expect({ path, content: readFileSync(path, 'utf8') }).toEqual({ path, content });
}
