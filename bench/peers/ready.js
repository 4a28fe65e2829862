import { createServer } from 'node:http';

/** Listens on a free port and says where, as Gatehouse does. */
export async function serve(listener) {
  const server = createServer(listener);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  announce(`http://127.0.0.1:${server.address().port}`);
  return server;
}

export const announce = (address) => console.log(JSON.stringify({ msg: 'API is ready', address }));
