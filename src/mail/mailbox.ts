import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import type { Mailer, OutgoingMail } from './mailer.js';

const KEPT = 200;

export interface SentMail extends OutgoingMail {
  from: string;
  /** RFC 3339. */
  sentAt: string;
}

/**
 * Development's mail server: a folder with a JSON file for each mail, so that the API shows what another process sent.
 * Keeps the newest 200.
 */
export class Mailbox implements Mailer {
  constructor(
    private readonly folder: string,
    private readonly from: string,
  ) {}

  async send(mail: OutgoingMail): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const sent: SentMail = { ...mail, from: this.from, sentAt: new Date().toISOString() };
    const path = join(this.folder, `${uuidv7()}.json`);
    // A reader of the folder never sees half of a file.
    await writeFile(`${path}.draft`, JSON.stringify(sent), { mode: 0o600 });
    await rename(`${path}.draft`, path);
    for (const name of (await this.#names()).slice(KEPT)) await rm(join(this.folder, name), { force: true });
  }

  /** Newest first. */
  async list(): Promise<SentMail[]> {
    const read = async (name: string) => JSON.parse(await readFile(join(this.folder, name), 'utf8')) as SentMail;
    // One that has just been removed was among the oldest.
    const found = await Promise.all((await this.#names()).map((name) => read(name).catch(nullIfMissing)));
    return found.filter((mail) => mail !== null);
  }

  close(): void {}

  /** Their names begin with the time. */
  async #names(): Promise<string[]> {
    const names = (await readdir(this.folder).catch(nullIfMissing)) ?? [];
    return names
      .filter((name) => name.endsWith('.json'))
      .sort()
      .reverse();
  }
}

function nullIfMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
