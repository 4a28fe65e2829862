import { hash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { unauthenticated } from '../errors.js';
import { refuse } from './http-errors.js';

export interface MetricsSource {
  contentType: string;
  text(): Promise<string>;
}

/** `GET /metrics`, for clients that send the token as their bearer token. */
export function serveMetrics(http: FastifyInstance, token: string, metrics: MetricsSource): void {
  // Of one length, whatever was sent.
  const expected = hash('sha256', `Bearer ${token}`, 'buffer');
  http.get('/metrics', async ({ headers: { authorization } }, reply) => {
    const given = hash('sha256', authorization ?? '', 'buffer');
    if (!timingSafeEqual(given, expected)) {
      reply.header('www-authenticate', 'Bearer');
      return refuse(reply, 401, unauthenticated(authorization === undefined ? 'MISSING' : 'INVALID'));
    }
    return reply
      .header('cache-control', 'no-store')
      .type(metrics.contentType)
      .send(await metrics.text());
  });
}
