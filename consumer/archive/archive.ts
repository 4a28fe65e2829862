/** Keeps encrypted files of deleted users. */
export interface Archive {
  /** The file is whole or not there. One of the same name is replaced. */
  put(name: string, content: string): Promise<void>;
  /**
   * Removes files, and what is left of unfinished ones, from before `cutoff`. Answers how many.
   * @throws also when it is stopped.
   */
  removeOlderThan(cutoff: Date, stopping: AbortSignal): Promise<number>;
}

export const SUFFIX = '.jwe';
