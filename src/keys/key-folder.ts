import type { Logger } from 'pino';
import { inOrder, type KeyFile, readKeyFiles, stateOf } from './key-files.js';
import { KeyRing } from './key-ring.js';

const LOOK_EVERY_MS = 1_000;
/** Made-up ids must not make the disk work for each request. */
const LOOKS_FOR_IDS = 50;

/**
 * The keys of a folder, read anew as files come and go. Watching would be simpler, and is deaf on network volumes and
 * those of containers.
 */
export class KeyFolder extends KeyRing<KeyFile> {
  #state: string;
  #looks = 0;

  /** @throws in one line, if any file cannot be used or none is there: at the start somebody is looking. */
  constructor(
    private readonly folder: string,
    private readonly log: Logger,
  ) {
    const state = orSay(folder, () => stateOf(folder));
    const { keys, broken } = orSay(folder, () => readKeyFiles(folder));
    const [wrong] = broken;
    if (wrong)
      throw new Error(`The signing key ${wrong.name} in JWT_KEYS_DIR, ${folder}, cannot be used: ${wrong.why}.`);
    if (!isFilled(keys))
      throw new Error(`There is no signing key in JWT_KEYS_DIR, ${folder}. npm run keys:rotate makes one.`);
    super(keys);
    this.#state = state;
  }

  /** Looks at the folder every second from now on. */
  watch(): void {
    setInterval(() => {
      this.#looks = 0;
      this.#refresh();
    }, LOOK_EVERY_MS).unref();
  }

  /** An id that is not known may be of a key that another instance has seen first. */
  override find(kid: string): KeyFile | null {
    const known = super.find(kid);
    if (known !== null || this.#looks >= LOOKS_FOR_IDS) return known;
    this.#looks += 1;
    this.#refresh();
    return super.find(kid);
  }

  #refresh(): void {
    try {
      const state = stateOf(this.folder);
      if (state === this.#state) return;
      this.#state = state;
      const { keys, broken } = readKeyFiles(this.folder);
      for (const { name, why } of broken) this.log.error({ file: name }, `signing key ignored: ${why}`);
      this.#take(
        keys,
        broken.map(({ name }) => name),
      );
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException;
      if (this.#state !== code) this.log.error({ code }, 'folder of signing keys cannot be read; its keys stay');
      this.#state = code;
    }
  }

  /** A key goes with its file, and not because its file cannot be read any more. */
  #take(read: KeyFile[], broken: string[]): void {
    const kept = this.keys.filter(({ name, kid }) => broken.includes(name) && !read.some((key) => key.kid === kid));
    const keys = inOrder([...read, ...kept]);
    if (!isFilled(keys)) {
      this.log.error('folder of signing keys is empty; its keys stay');
      return;
    }
    this.keys = keys;
    this.log.info({ kids: keys.map(({ kid }) => kid) }, 'signing keys read');
  }
}

const isFilled = <T>(list: T[]): list is [T, ...T[]] => list.length > 0;

function orSay<T>(folder: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(
      `The folder of signing keys JWT_KEYS_DIR, ${folder}, cannot be read: ${(error as NodeJS.ErrnoException).code}.`,
    );
  }
}
