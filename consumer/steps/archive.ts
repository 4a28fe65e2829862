import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CompactEncrypt } from 'jose';
import { personalDataOf } from '../../src/deletion/personal-data.js';
import { User } from '../../src/user/user.entity.js';
import type { Step } from './steps.js';

const DAY_MS = 24 * 60 * 60 * 1000;
const SUFFIX = '.jwe';

interface Archive {
  folder: string;
  /** 32 bytes. */
  key: Uint8Array;
  /** For how long a file is kept. */
  days: number;
}

/**
 * Keeps everything that was held about the user as JSON in a file of their id, encrypted (JWE in its compact form, RFC
 * 7516, with A256GCM). The file is whole or not there. Files that are older than their retention are removed.
 */
export const archiveStep =
  ({ folder, key, days }: Archive): Step =>
  async ({ userId, requestedAt }, { em }) => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await removeOld(folder, days);
    const data = await em.fork().transactional(async (em) => {
      const user = await em.findOne(User, { id: userId });
      return user && personalDataOf(em, user);
    });
    if (!data) return true;
    const text = JSON.stringify({ userId, deletedAt: requestedAt, data });
    const jwe = await new CompactEncrypt(new TextEncoder().encode(text))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', cty: 'json' })
      .encrypt(key);
    await writeWhole(join(folder, `${userId}${SUFFIX}`), jwe);
    return true;
  };

async function writeWhole(path: string, content: string): Promise<void> {
  const part = `${path}.${randomUUID()}`;
  const file = await open(part, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(part, path);
}

/** Also parts that a process left behind. */
async function removeOld(folder: string, days: number): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.includes(SUFFIX)) continue;
    const path = join(folder, name);
    const made = await stat(path).catch(() => null);
    if (made && Date.now() - made.mtimeMs > days * DAY_MS) await rm(path, { force: true });
  }
}
