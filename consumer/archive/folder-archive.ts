import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Archive, SUFFIX } from './archive.js';

/** Files that only the user of this process can read. The folder is made where it is not there. */
export function folderArchive(folder: string): Archive {
  return {
    async put(name, content) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const path = join(folder, name);
      const part = `${path}.${randomUUID()}`;
      const file = await open(part, 'wx', 0o600);
      try {
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(part, path);
    },

    async removeOlderThan(cutoff, stopping) {
      let removed = 0;
      for (const name of await namesIn(folder)) {
        if (stopping.aborted) break;
        if (!name.includes(SUFFIX)) continue;
        const path = join(folder, name);
        // Another process may remove it meanwhile.
        const made = await stat(path).catch(() => null);
        if (!made || made.mtime >= cutoff) continue;
        await rm(path, { force: true });
        removed += 1;
      }
      return removed;
    },
  };
}

/** None where nothing was archived yet. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
