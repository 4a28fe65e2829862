import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { childrenOf } from './children.js';
import { guardFor } from './guard.js';
import type { PrivateFolder } from './private-folder.js';

const ANSWER_WITHIN_MS = 120_000;
const LOOK_AGAIN_MS = 25;

/** A private server that a test may stop, freeze and start again; its folder goes with it. */
export interface Server {
  url: string;
  /** Ends the process in the orderly way; the data stays. */
  halt(): Promise<void>;
  /** Starts it again, on the same port and data. */
  resume(): Promise<void>;
  restart(): Promise<void>;
  /** Kills the process and all of its own; the data stays. */
  crash(): Promise<void>;
  /** It is there and says nothing, as on a machine that hangs. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

interface Launch {
  program: string;
  args: string[];
  env?: Record<string, string>;
  haltSignal: NodeJS.Signals;
  /** Rejects until a client is served. */
  answers(): Promise<unknown>;
}

/**
 * A server's process. A shell beside it holds the end of a pipe to us: however our process ends, the shell reads the
 * end of the pipe and kills the server. (In Jest, `process.on('exit')` is not heard.)
 */
export class PrivateServer {
  #child: ChildProcess | null = null;
  #guard: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();

  constructor(
    private readonly home: PrivateFolder,
    private readonly launch: Launch,
  ) {}

  async resume(): Promise<void> {
    const { program, args, env, answers } = this.launch;
    const output = openSync(join(this.home.path, 'output'), 'a');
    const child = spawn(program, args, {
      ...this.home.as,
      cwd: this.home.path,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    this.#child = child;
    this.#guard = guardFor(child.pid, this.home.path);
    this.#ended = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
    let gone = false;
    void this.#ended.then(() => {
      gone = true;
    });
    const end = Date.now() + ANSWER_WITHIN_MS;
    while (!(await succeeds(answers))) {
      if (gone || Date.now() > end) {
        const output = readFileSync(join(this.home.path, 'output'), 'utf8').slice(-2_000);
        await this.stop();
        throw new Error(`${program} ${gone ? 'ended' : 'does not answer'}:\n${output}`);
      }
      await delay(LOOK_AGAIN_MS);
    }
    // It keeps nobody from ending.
    child.unref();
  }

  async halt(): Promise<void> {
    this.#signal('SIGCONT');
    if (this.#child?.pid) signal(this.#child.pid, this.launch.haltSignal);
    await this.#end();
  }

  async restart(): Promise<void> {
    await this.halt();
    await this.resume();
  }

  async crash(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#end();
  }

  freeze(): void {
    this.#signal('SIGSTOP');
  }

  thaw(): void {
    this.#signal('SIGCONT');
  }

  async stop(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#end();
    rmSync(this.home.path, { recursive: true, force: true, maxRetries: 5 });
  }

  #signal(name: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (!pid || this.#child?.exitCode !== null || this.#child.signalCode !== null) return;
    // PostgreSQL's processes have groups of their own.
    const children = childrenOf(pid);
    for (const id of [-pid, ...children]) signal(id, name);
  }

  async #end(): Promise<void> {
    // A script that has nothing else to wait for waits for this.
    this.#child?.ref();
    await this.#ended;
    this.#guard?.stdin?.end('leave\n');
    this.#guard = null;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

const succeeds = (work: () => Promise<unknown>) =>
  work().then(
    () => true,
    () => false,
  );
