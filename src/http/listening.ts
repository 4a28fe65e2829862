import { createServer } from 'node:net';
import type { Config } from '../config/config.js';
import { StartFailure } from '../process/start-failure.js';

const REASONS: Partial<Record<string, string>> = {
  EADDRINUSE: 'PORT is in use by another program: stop that one, or set another.',
  EACCES: 'PORT needs rights that this process does not have: set one from 1024 up.',
  EADDRNOTAVAIL: 'HOST is no address of this machine: set one that is, or 0.0.0.0 for all.',
  ENOTFOUND: 'HOST is a name that no address is known for: set an address, or 0.0.0.0 for all.',
  EAI_AGAIN: 'HOST is a name that cannot be looked up now: set an address, or 0.0.0.0 for all.',
  EINVAL: 'HOST is no address that can be listened on: set another, or 0.0.0.0 for all.',
};

/**
 * @throws {StartFailure} if the API could not listen. Nothing listens yet when it returns, so a load balancer sends no
 *   requests before the API is ready.
 */
export async function assertCanListen({ host, port }: Pick<Config, 'host' | 'port'>): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ host, port }, resolve));
  } catch (error) {
    explainListening(error);
  }
  await new Promise((resolve) => server.close(resolve));
}

/** @throws {StartFailure} for what is known to keep a server from listening, else the error itself. */
export function explainListening(error: unknown): never {
  const { code = '', syscall } = error as NodeJS.ErrnoException;
  const reason = syscall && REASONS[code];
  throw reason ? new StartFailure(reason) : error;
}
