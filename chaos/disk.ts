import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmdirSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../test/support/eventually.js';

const SIZE = '8g';

/** A disk of its own, in memory, which may be full. */
export class Disk {
  readonly #guard: ChildProcess;

  /** Answers null where this process has no right to mount one. */
  static mount(): Disk | null {
    const path = mkdtempSync(join(tmpdir(), 'gatehouse-disk-'));
    if (!mount('-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', path)) {
      rmdirSync(path);
      return null;
    }
    chmodSync(path, 0o755);
    return new Disk(path);
  }

  private constructor(readonly path: string) {
    // However our process ends, the shell reads the end of the pipe.
    this.#guard = spawn('/bin/sh', ['-c', 'cat >/dev/null; umount -l "$1" && rmdir "$1"', 'guard', path], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#guard.unref();
  }

  /** Nothing more can be written; what is there stays. */
  fill(): Promise<void> {
    return eventually(() => {
      const { blocks, bfree, bsize } = statfsSync(this.path);
      // Refused where more has been written since the look.
      if (!this.#resize(`${(blocks - bfree) * bsize}`)) throw new Error(`${this.path} cannot be filled`);
    });
  }

  makeRoom(): void {
    this.#resize(SIZE);
  }

  async unmount(): Promise<void> {
    this.#guard.ref();
    this.#guard.stdin?.end();
    await once(this.#guard, 'exit');
  }

  #resize(size: string): boolean {
    return mount('-o', `remount,size=${size}`, this.path);
  }
}

const mount = (...args: string[]) => spawnSync('mount', args).status === 0;
