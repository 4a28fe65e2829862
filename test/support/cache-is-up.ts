import { expect } from '@jest/globals';
import { eventually } from './eventually.js';
import type { ApiProcess } from './processes.js';

/** Waits until an instance says that its cache answers. */
export const cacheIsUp = (api: ApiProcess): Promise<void> =>
  eventually(async () => {
    const { cache } = (await (await fetch(`${api.url}/health/ready`)).json()) as { cache: string };
    expect(cache).toBe('up');
  });
