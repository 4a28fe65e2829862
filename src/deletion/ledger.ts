import { createHmac, type KeyObject } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { EntityManager } from '@mikro-orm/postgresql';
import { derivedKey } from '../keys/derived-key.js';

/** What stands before a digest was cut off by a full disk: no purge was committed for it. */
const LINE = /([\w-]{43}) \d{4}-\d\d-\d\dT[\d:.]+Z$/;
const BATCH = 10_000;

/**
 * Who was erased, outside the database: a file of digests with a key (HMAC-SHA-256), a line each. A backup that is
 * restored brings erased people back, and by the ledger they are known and erased again. It holds nothing personal.
 */
export class Ledger {
  readonly #key: KeyObject;

  constructor(
    private readonly path: string,
    secret: string,
  ) {
    this.#key = derivedKey(secret, 'erasure ledger');
  }

  digestOf(userId: string): string {
    return createHmac('sha256', this.#key).update(userId).digest('base64url');
  }

  /**
   * Writes a user down, on the disk when it resolves. In the transaction of the purge, before its commit: a line without
   * a purge is written again by the next attempt, and a purge without a line would be forgotten by a restore.
   */
  async add(em: EntityManager, userId: string): Promise<void> {
    const digest = this.digestOf(userId);
    await em.execute('insert into erasures (digest) values (?) on conflict do nothing', [digest]);
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const file = await open(this.path, 'a', 0o600);
    try {
      // One write of few bytes at the end of a file: of several at once, none is within another.
      const line = `${digest} ${new Date().toISOString()}\n`;
      const { bytesWritten } = await file.write(line);
      // The rest in a write of its own could come behind the line of another process.
      if (bytesWritten < line.length)
        throw Object.assign(new Error('The ledger of deletions has no room for a line.'), { code: 'ENOSPC' });
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** @throws {Error} for a line that is none. A file that is not there is empty. */
  async digests(): Promise<Set<string>> {
    const text = await readFile(this.path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    // What a process was writing when it died is no line yet.
    const lines = text.split('\n').slice(0, -1);
    return new Set(lines.map((line, index) => LINE.exec(line)?.[1] ?? brokenAt(index + 1)));
  }

  /** Those of the ledger that the database does not know: since a backup was restored, or while a purge is under way. */
  async unknownTo(em: EntityManager): Promise<Set<string>> {
    const unknown = await this.digests();
    const all = [...unknown];
    for (let at = 0; at < all.length; at += BATCH) {
      const known = await em
        .fork()
        .execute<{ digest: string }[]>('select digest from erasures where digest = any(?)', [
          `{${all.slice(at, at + BATCH).join()}}`,
        ]);
      for (const { digest } of known) unknown.delete(digest);
    }
    return unknown;
  }
}

/** Whether the database knows everybody who is in the ledger: until then it holds people who were erased. */
export class LedgerCheck {
  #isDone = false;

  constructor(
    private readonly ledger: Ledger,
    private readonly em: EntityManager,
  ) {}

  /** Once it is, it stays so until `forget`: what is erased from then on is erased here. */
  async isDone(): Promise<boolean> {
    this.#isDone ||= (await this.ledger.unknownTo(this.em)).size === 0;
    return this.#isDone;
  }

  forget(): void {
    this.#isDone = false;
  }
}

function brokenAt(line: number): never {
  throw new Error(`The ledger of deletions is broken in line ${line}.`);
}
