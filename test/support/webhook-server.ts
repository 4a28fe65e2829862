import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Received {
  headers: IncomingHttpHeaders;
  body: string;
}

/** A system that is told of deletions. It answers with `status`, and with where a redirect leads. */
export async function startWebhookServer(location = 'http://127.0.0.1:9/') {
  const received: Received[] = [];
  const state = { status: 204 };
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      const upgrade = state.status === 101 && { connection: 'Upgrade', upgrade: 'websocket' };
      response.writeHead(state.status, { location, ...upgrade }).end('x'.repeat(100_000));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/deleted`,
    received,
    /** What is answered from now on. */
    answerWith(status: number) {
      state.status = status;
    },
    /** What came for one user. */
    about: (userId: string) => received.filter(({ body }) => body.includes(userId)),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export type WebhookServer = Awaited<ReturnType<typeof startWebhookServer>>;
