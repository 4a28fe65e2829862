import { expect } from '@jest/globals';
import { eventually } from './eventually.js';

/** Waits until a process is gone; of a negative number, its group. */
export const isGone = (pid: number) => eventually(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'));
