// At the end of the API connections without a request are closed at once, and those with one are not.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { Connections } from '../../src/http/connections.js';
import { eventually } from '../support/eventually.js';

const server = createServer((request, response) => request.resume().on('end', () => response.end('read')));
const connections = new Connections(server, () => false);
const sockets: Socket[] = [];

async function client(text: string): Promise<Socket> {
  const arrived = once(server, 'connection');
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  const [theirs] = await arrived;
  if (text) {
    socket.write(text);
    await eventually(() => expect(theirs.bytesRead).toBeGreaterThan(0));
  }
  return socket;
}

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

test('closes those that have not sent a byte, and leaves the one that is within a request', async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const silent = [await client(''), await client('')];
  const within = await client('POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{"query":');

  connections.closeSilent();

  await Promise.all(silent.map((socket) => once(socket.resume(), 'close')));
  within.write('}');
  expect(String((await once(within, 'data'))[0])).toMatch(/^HTTP\/1.1 200 OK/);
});
