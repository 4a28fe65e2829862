import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Kills the group and the children of `pid` and removes `folder` when our process is gone; lets them be once it reads a
 * word.
 */
export function guardFor(pid: number | undefined, folder: string): ChildProcess | null {
  if (!pid) return null;
  const script = `read word && exit
for p in $(cat /proc/$1/task/*/children 2>/dev/null); do kill -9 $p 2>/dev/null; done
kill -9 -$1; rm -rf "$2"`;
  const guard = spawn('/bin/sh', ['-c', script, 'guard', `${pid}`, folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.stdin?.on('error', () => undefined);
  guard.unref();
  (guard.stdin as unknown as { unref?(): void } | null)?.unref?.();
  return guard;
}
