import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What the tests run beside the project's own programs: servers, and a browser. */
export type ServerName = 'postgres' | 'redis' | 'rabbitmq' | 'nginx' | 'chromium' | 'pika';

const PLACES: Record<ServerName, { program: string; folders: () => string[] }> = {
  postgres: {
    program: 'postgres',
    folders: () =>
      list('/usr/lib/postgresql')
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => `/usr/lib/postgresql/${version}/bin`),
  },
  redis: { program: 'redis-server', folders: () => ['/usr/bin'] },
  // Debian's wrapper in /usr/sbin changes users; the one that it calls does not.
  rabbitmq: { program: 'rabbitmq-server', folders: () => ['/usr/lib/rabbitmq/bin'] },
  nginx: { program: 'nginx', folders: () => ['/usr/sbin', '/usr/local/sbin'] },
  // Debian's package for its own Python.
  pika: { program: 'pika', folders: () => ['/usr/lib/python3/dist-packages'] },
  chromium: { program: 'chromium', folders: () => ['/usr/bin'] },
};

/** Path of a server's program on this machine; null where there is none. */
export function findServer(name: ServerName): string | null {
  const { program, folders } = PLACES[name];
  const paths = [...folders(), ...(process.env.PATH ?? '').split(delimiter)].map((folder) => join(folder, program));
  return paths.find((path) => existsSync(path)) ?? null;
}

/** @throws where there is none. */
export function programOf(name: ServerName): string {
  const path = findServer(name);
  if (!path) throw new Error(`${name} is not on this machine`);
  return path;
}

const list = (folder: string) => (existsSync(folder) ? readdirSync(folder) : []);
