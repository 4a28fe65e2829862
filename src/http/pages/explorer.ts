import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** What `npm run build:explorer` made of `packages/explorer`; the server runs in the folder that holds `dist`. */
const EXPLORER_FOLDER = resolve('dist', 'explorer');

/** All is our own. The editor sets styles, and has its marks in its styles. */
const EXPLORER_POLICY =
  "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; " +
  "font-src 'self' data:; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const MINUTE_MS = 60_000;

/** What the page asks for first. */
export interface ExplorerContents {
  /** The schema with its directives. */
  schema: string;
  /** Whether the refresh token travels in a cookie. */
  cookies: boolean;
}

/** GraphiQL from our own files. `contents` is asked for once. */
export async function serveExplorer(http: FastifyInstance, contents: () => ExplorerContents): Promise<void> {
  if (!existsSync(EXPLORER_FOLDER)) return http.log.warn('there is no explorer: npm run build:explorer makes it');
  let made: ExplorerContents | null = null;
  http.get('/explorer/contents.json', async () => {
    made ??= contents();
    return made;
  });
  await http.register(fastifyStatic, {
    root: EXPLORER_FOLDER,
    prefix: '/explorer/',
    maxAge: MINUTE_MS,
    setHeaders: (reply) => reply.header('content-security-policy', EXPLORER_POLICY),
  });
}
