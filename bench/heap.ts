import { once } from 'node:events';
import type { Running } from '../test/support/processes.js';

/** Its `NODE_OPTIONS`: the inspector of Node.js listens on a free port, and says which. */
export const INSPECTED = '--inspect=127.0.0.1:0';

/** What is in use on the heap of an inspected process after a garbage collection, in megabytes. */
export async function usedHeapMb({ output }: Running): Promise<number> {
  const [address] = output().match(/ws:\/\/\S+/) ?? [];
  if (!address) throw new Error(`the process does not run with ${INSPECTED}`);
  const socket = new WebSocket(address);
  await once(socket, 'open');
  try {
    await call(socket, 'HeapProfiler.collectGarbage');
    const { usedSize } = await call(socket, 'Runtime.getHeapUsage');
    return Number(usedSize) / 1024 ** 2;
  } finally {
    socket.close();
  }
}

/** A method of the Chrome DevTools Protocol. */
async function call(socket: WebSocket, method: string): Promise<Record<string, unknown>> {
  socket.send(JSON.stringify({ id: 1, method }));
  const [{ data }] = await once(socket, 'message');
  const { result, error } = JSON.parse(String(data));
  if (error) throw new Error(`${method}: ${error.message}`);
  return result;
}
