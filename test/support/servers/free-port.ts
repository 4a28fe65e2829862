import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

/** Of all processes of tests. Systems number outgoing connections from 32768 up, so none takes the port of a halted server. */
const FIRST = 15_000;
const END = 32_000;
const PORTS_OF_PROCESS = 100;

const left: number[] = [];

/**
 * A port of 127.0.0.1 that is free, and is given once. A process takes a hundred at a time, by listening on the first of
 * them for as long as it lives: to another one, the port of a halted server would look free.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = left.shift();
    if (port === undefined) await takePorts();
    else if (!(await isTaken(port))) return port;
  }
}

/** Whether something listens there. */
export async function isTaken(port: number): Promise<boolean> {
  const probe = await listen(port);
  if (!probe) return true;
  await new Promise((resolve) => probe.close(resolve));
  return false;
}

async function takePorts(): Promise<void> {
  const first = FIRST + PORTS_OF_PROCESS * randomInt((END - FIRST) / PORTS_OF_PROCESS);
  const mark = await listen(first);
  mark?.unref();
  if (mark) left.push(...Array.from({ length: PORTS_OF_PROCESS - 1 }, (_, n) => first + 1 + n));
}

/** Null where something listens there. */
function listen(port: number): Promise<Server | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
