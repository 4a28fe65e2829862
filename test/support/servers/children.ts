import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** The processes that a process has begun; none where there is no /proc. */
export function childrenOf(pid: number): number[] {
  const threads = `/proc/${pid}/task`;
  return (existsSync(threads) ? readdirSync(threads) : [])
    .map((thread) => readIfThere(`${threads}/${thread}/children`))
    .flatMap((text) => text.split(' ').filter(Boolean).map(Number));
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
