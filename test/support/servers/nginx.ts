import { readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { programOf } from './find-server.js';
import { freePort } from './free-port.js';
import { privateFolder } from './private-folder.js';
import { PrivateServer, type Server } from './private-server.js';

export interface NginxServer extends Server {
  /** What it wrote to its access log. */
  accessLog(): string;
}

/** The project's own nginx in front of `upstreams`, each an address with its port. */
export async function startNginx(upstreams: string[], settings: Record<string, string> = {}): Promise<NginxServer> {
  const home = privateFolder('nginx', ['www-data', 'nobody']);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  for (const name of ['start.sh', 'nginx.conf.template']) home.write(name, readFileSync(join('nginx', name), 'utf8'));
  const server = new PrivateServer(home, {
    program: '/bin/sh',
    args: [join(home.path, 'start.sh'), home.path],
    env: {
      PATH: `${dirname(programOf('nginx'))}${delimiter}${process.env.PATH}`,
      NGINX_LISTEN: `127.0.0.1:${port}`,
      API_SERVERS: upstreams.map((address) => `server ${address};`).join(' '),
      ...settings,
    },
    haltSignal: 'SIGQUIT',
    answers: () => fetch(url),
  });
  await server.resume();
  return Object.assign(server, { url, accessLog: () => readFileSync(join(home.path, 'access.log'), 'utf8') });
}
